/** One disk in several clouds, and images that other projects may use. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { type TerraformStack, TerraformVariable } from "cdktf";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import { packageRoot } from "../../lib/package-root";
import { formatLock, type Release, type ReleaseLock } from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";
import { addImage, newStack, synthesized } from "./support";

const DIGITS = "5c329d84cf97";

function past(release: string): Release {
  return {
    ...{ release, fingerprint: release.padEnd(64, "0"), template: "visa-apps", name: "old", diskFormat: "raw" },
    ...{ imageId: `image ${release}`, sha512: "ab", sizeBytes: 1, registered: "2026-11-01T00:00:00Z" },
  };
}

function lockWith(images: Record<string, readonly string[]>, more: Partial<ReleaseLock> = {}): string {
  const lockFile = join(scratchFolder(), "visa-images.lock.json");
  const all = Object.entries(images).map(([image, releases]) => [image, releases.map(past)]);
  writeFileSync(lockFile, formatLock({ version: 1, images: Object.fromEntries(all), ...more }));
  return lockFile;
}

function north(stack: TerraformStack): OpenstackProvider {
  return new OpenstackProvider(stack, "north-cloud", { alias: "north", cloud: "north", region: "N" });
}

describe("a destination", () => {
  const stack = newStack();
  const lockFile = lockWith({ "images/desk": ["111111111111"], "images/desk_north": ["222222222222", "333333333333"] });
  const image = addImage(stack, { lockFile, imageName: "Desktop" }, "desk");
  const there = image.addDestination("north", { provider: north(stack), imageName: "Desktop (north)" });
  new VisaInstance(stack, "trial", { image: there, flavorName: "f", networkIds: [], owner: "ada" });
  const json = synthesized(stack);
  const { openstack_images_image_v2: images, terraform_data: data } = json.resource;

  test("shares build and gate, and has releases of its own, as an image of that path would", () => {
    expect(Object.keys(data).filter((name) => /^layer_|_verified$/.test(name))).toEqual([
      ...["desk_verified", "layer_system-base", "layer_visa-apps", "layer_visa-base"],
    ]);
    expect(Object.keys(images)).toEqual([
      ...["desk_111111111111", `desk_${DIGITS}`, "desk_north_333333333333", `desk_north_${DIGITS}`],
    ]);
    expect(images[`desk_north_${DIGITS}`]).toMatchObject({
      name: "Desktop (north)",
      provider: "openstack.north",
      local_file_path: images[`desk_${DIGITS}`].local_file_path,
      properties: { visa_image: "images/desk_north", visa_release: DIGITS },
    });
    expect(json.removed).toHaveLength(2);
    expect(there).toMatchObject({ imageName: "Desktop (north)", fingerprint: image.fingerprint });
    expect(there.node.defaultChild).toBe(there.release.image);
  });

  test("depends on nothing of the image's own upload, nor the image on its", () => {
    const text = (prefix: RegExp) =>
      JSON.stringify(Object.entries({ ...images, ...data }).filter(([name]) => prefix.test(name)));
    expect(text(/^desk_north_/)).not.toMatch(/desk_(?!north|verified)\w+/);
    expect(text(/^desk_(?!north)/)).not.toContain("desk_north");
  });

  test("is registered by its provider, and the lock is told where it is", () => {
    const [use] = data.desk_north_in_use.provisioner;
    expect(use["local-exec"]).toMatchObject({
      command: expect.stringMatching(/ --image images\/desk_north .* --cloud north --region N$/),
      environment: { OS_CLOUD: "north", OS_REGION_NAME: "N" },
    });
    expect(data.desk_in_use.provisioner[0]["local-exec"].command).not.toContain("--cloud");
  });

  test("fails for what Glance would refuse", () => {
    const other = addImage(newStack(), {}, "desk");
    expect(() => other.addDestination("x", { provider: north(newStack()), imageName: "n".repeat(256) })).toThrow(
      /256 characters, expected at most 255/,
    );
  });

  test("is what an instance is made from", () => {
    const [instance] = Object.values<{ readonly image_id: string }>(json.resource.openstack_compute_instance_v2);
    expect(instance?.image_id).toBe(`\${openstack_images_image_v2.desk_north_${DIGITS}.id}`);
  });
});

describe("a destination of an image that is rolled back", () => {
  const rolledBack = (releases: readonly string[], release?: string) => {
    const stack = newStack();
    const lockFile = lockWith({ "images/desk": ["111111111111", DIGITS], "images/desk_north": releases });
    const image = addImage(stack, { lockFile, release: "111111111111" }, "desk");
    const there = image.addDestination("north", { provider: north(stack), release });
    return { there, data: synthesized(stack).resource.terraform_data };
  };

  test("is rolled back too, and nothing is built", () => {
    const { there, data } = rolledBack(["111111111111", DIGITS]);
    expect(there.fingerprint).toBe("111111111111".padEnd(64, "0"));
    expect(data["layer_visa-apps"].provisioner).toBeUndefined();
  });

  test("has a release of its own where that is asked for, and its build and gate run", () => {
    const { there, data } = rolledBack([], DIGITS);
    expect(there.fingerprint).not.toMatch(/^111111111111/);
    for (const name of ["layer_system-base", "layer_visa-apps", "desk_verified"]) {
      expect(data[name].provisioner).toHaveLength(1);
      expect(data[name].lifecycle).toBeUndefined();
    }
  });

  test("fails where the lock has no such release there", () => {
    expect(() => rolledBack([DIGITS])).toThrow('no release "111111111111" of "images/desk_north"');
  });
});

test("examples/destinations has an image in each cloud, and one is shared", () => {
  const folder = scratchFolder();
  process.env.CDKTF_OUTDIR = folder;
  try {
    jest.isolateModules(() => require(join(packageRoot(), "examples", "destinations", "main")));
  } finally {
    delete process.env.CDKTF_OUTDIR;
  }
  const { resource } = JSON.parse(readFileSync(join(folder, "stacks", "images", "cdk.tf.json"), "utf8"));
  const images = Object.values<{ name: string; visibility: string }>(resource.openstack_images_image_v2);
  expect(images.map(({ name, visibility }) => `${name}: ${visibility}`)).toEqual([
    ...["visa-apps: shared", "VISA desktop (north): shared"],
  ]);
  expect(Object.keys(resource.openstack_images_image_access_v2)).toHaveLength(1);
});

test("fails for a destination that ends where another image is", () => {
  const stack = newStack();
  const image = addImage(stack, {}, "desk");
  addImage(stack, {}, "desk_north");
  expect(() => image.addDestination("north", { provider: north(stack) })).toThrow(
    '"images/desk_north" and "images/desk/north" both end at the image images/desk_north',
  );
});

describe("an image that is shared", () => {
  const shared = (release?: string) => {
    const stack = newStack();
    const lockFile = lockWith({ "images/desk": ["111111111111", "222222222222"] });
    const image = addImage(stack, { lockFile, visibility: "shared", release }, "desk");
    const list = new TerraformVariable(stack, "partners", { type: "list(string)" }).listValue;
    image.shareWith("p1");
    image.shareWith("p2", ...list);
    return synthesized(stack);
  };

  test("is so in its release in use, and in those that are kept", () => {
    const { resource, removed } = shared();
    const { openstack_images_image_access_v2: access, openstack_images_image_v2: images } = resource;
    expect(Object.keys(access)).toEqual(["desk_222222222222", `desk_${DIGITS}`]);
    expect(access[`desk_${DIGITS}`]).toMatchObject({
      for_each: '${toset(concat(["p1", "p2"], var.partners))}',
      member_id: "${each.value}",
      image_id: `\${openstack_images_image_v2.desk_${DIGITS}.id}`,
      depends_on: [`terraform_data.desk_${DIGITS}_registered`],
    });
    expect(images.desk_222222222222.visibility).toBe("shared");
    expect(images.desk_222222222222.lifecycle.ignore_changes).not.toContain("visibility");
    // What is forgotten stays as it is.
    expect(removed.map(({ from }: { readonly from: string }) => from)).toContain(
      "openstack_images_image_access_v2.desk_111111111111",
    );
  });

  test("is so in a release of the past that is in use again", () => {
    const { openstack_images_image_access_v2: access, openstack_images_image_v2: images } =
      shared("111111111111").resource;
    expect(Object.keys(access)).toEqual(["desk_111111111111", "desk_222222222222"]);
    expect(images.desk_111111111111.visibility).toBe("shared");
  });

  test("has nothing of it where it is shared with nobody", () => {
    const stack = newStack();
    const lockFile = lockWith({ "images/desk": ["111111111111"] });
    addImage(stack, { lockFile, visibility: "shared" }, "desk");
    const { resource } = synthesized(stack);
    expect(resource.openstack_images_image_access_v2).toBeUndefined();
    expect(resource.openstack_images_image_v2.desk_111111111111.visibility).toBeUndefined();
  });

  test("shares in its destinations what they are told to", () => {
    const stack = newStack();
    const image = addImage(stack, { visibility: "shared" }, "desk");
    image.addDestination("north", { provider: north(stack) }).shareWith("p1");
    const { openstack_images_image_access_v2: access } = synthesized(stack).resource;
    expect(access).toMatchObject({
      [`desk_north_${DIGITS}`]: { provider: "openstack.north", for_each: '${toset(concat(["p1"]))}' },
    });
    expect(Object.keys(access)).toHaveLength(1);
  });

  test.each(["private", "public", "community"] as const)("fails for an image that is %s", (visibility) => {
    const image = addImage(newStack(), { visibility }, "desk");
    expect(() => image.shareWith("p1")).toThrow(
      `the image "images/desk" has the visibility "${visibility}": Glance shares with projects only what is "shared"\n  fix: visibility: "shared"`,
    );
  });
});

describe("an image that was renamed", () => {
  const renamed = (renames: Record<string, string>, id = "new", stackId = "images") => {
    const stack = newStack(stackId);
    const key = `${stackId}/${id}`;
    addImage(stack, {}, "first");
    const lockFile = lockWith({ [key]: ["111111111111", DIGITS] }, { renamed: renames });
    addImage(stack, { lockFile, diskFormat: "raw", minDiskGb: 40, tags: [id] }, id);
    return synthesized(stack);
  };
  const RESOURCES = [
    ["openstack_images_image_v2", "_111111111111"],
    ["openstack_images_image_v2", `_${DIGITS}`],
    ...["_111111111111_registered", `_${DIGITS}_registered`, "_in_use", "_protection", "_verified"].map((suffix) => [
      "terraform_data",
      suffix,
    ]),
  ];

  test("has all of the state's entries moved, and its layer's trigger as it was", () => {
    const { moved, resource } = renamed({ "images/new": "images/old" });
    expect(moved.sort((a: Move, b: Move) => (a.from < b.from ? -1 : 1))).toEqual(
      RESOURCES.map(([type, suffix]) => ({ from: `${type}.old${suffix}`, to: `${type}.new${suffix}` })).sort((a, b) =>
        a.from < b.from ? -1 : 1,
      ),
    );
    expect(Object.keys(resource.terraform_data["layer_visa-apps"].triggers_replace)).toEqual(
      expect.arrayContaining(["image first", "image old"]),
    );
  });

  test("twice, has them moved from the one to the other", () => {
    const { moved } = renamed({ "images/new": "images/middle", "images/middle": "images/old" });
    expect(moved).toHaveLength(2 * RESOURCES.length);
    expect(moved).toContainEqual({ from: "terraform_data.old_in_use", to: "terraform_data.middle_in_use" });
  });

  test("back again, has them moved from what it was in between alone", () => {
    const { moved } = renamed({ "images/new": "images/middle", "images/middle": "images/new" });
    expect(moved).toHaveLength(RESOURCES.length);
  });

  test("and has a new release at once, has the state forget the oldest by either name", () => {
    const stack = newStack();
    const lockFile = lockWith(
      { "images/new": ["111111111111", "222222222222"] },
      { renamed: { "images/new": "images/old" } },
    );
    addImage(stack, { lockFile }, "new");
    expect(synthesized(stack).removed.map(({ from }: { readonly from: string }) => from)).toEqual([
      ...["openstack_images_image_v2.new_111111111111", "terraform_data.new_111111111111_registered"],
      ...["openstack_images_image_v2.old_111111111111", "terraform_data.old_111111111111_registered"],
    ]);
  });

  test("by its stack, has nothing to be moved: the state comes along", () => {
    expect(renamed({ "images/new": "before/new" }).moved).toBeUndefined();
  });

  test("leaves what another image of that name has", () => {
    const { moved } = renamed({ "images/new": "images/first" });
    expect(moved.map(({ from }: Move) => from).sort()).toEqual([
      ...["openstack_images_image_v2.first_111111111111", "terraform_data.first_111111111111_registered"],
    ]);
  });
});

interface Move {
  readonly from: string;
  readonly to: string;
}
