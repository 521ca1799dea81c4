import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, Fn, Lazy, TerraformVariable, Token } from "cdktf";
import { VisaInstance } from "../../lib/constructs/visa-instance";
import { VisaNetwork, VisaSecurityGroup } from "../../lib/constructs/visa-network";
import { formatLock, type Release } from "../../lib/releases/release-lock";
import { scratchFolder } from "../support/scratch";
import { addImage, chain, newStack, specificationOf, synthesized } from "./support";

const CURRENT = "visa-apps_5c329d84cf97";

function past(release: string, changes: Partial<Release> = {}): Release {
  return {
    release,
    fingerprint: release.padEnd(64, "0"),
    template: "visa-apps",
    name: "Desktop ${old}",
    diskFormat: "raw",
    imageId: `5f0e9b7c-0000-4000-8000-${release}`,
    sha512: "ab",
    sizeBytes: 65_000,
    registered: "2026-11-01T00:00:00Z",
    ...changes,
  };
}

function lockWith(...releases: Release[]): string {
  const file = join(scratchFolder(), "visa-images.lock.json");
  writeFileSync(file, formatLock({ version: 1, images: { "images/visa-apps": releases } }));
  return file;
}

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function imagesOf(props: Parameters<typeof addImage>[1] = {}): any {
  const stack = newStack();
  addImage(stack, props);
  return synthesized(stack).resource.openstack_images_image_v2;
}

describe("the image", () => {
  test("has an address that is a contract, and the arguments that follow from its template", () => {
    const images = imagesOf();
    expect(Object.keys(images)).toEqual([CURRENT]);
    expect(images[CURRENT]).toMatchObject({
      name: "visa-apps",
      container_format: "bare",
      disk_format: "raw",
      visibility: "private",
      hidden: true,
      min_disk_gb: 20,
      min_ram_mb: 2048,
      image_cache_path: "image-cache",
      timeouts: { create: "362m" },
      properties: {
        architecture: "x86_64",
        hw_disk_bus: "virtio",
        hw_vif_model: "virtio",
        os_type: "linux",
        os_distro: "debian",
        os_version: "12",
        visa_fingerprint: chain().layers[2]?.fingerprint,
        visa_template: "visa-apps",
      },
    });
  });

  test("is uploaded from a relative path, named by the layer's fingerprint", () => {
    const { local_file_path: path } = imagesOf()[CURRENT];
    expect(path).toContain('"images/visa-apps-cf10f0171379.raw"');
    expect(path).toContain("terraform_data.visa-apps_verified.id");
  });

  test("is hidden until its registration shows it, and kept visible once the lock has it", () => {
    const hidden = imagesOf()[CURRENT];
    expect(hidden.lifecycle.ignore_changes).toContain("hidden");
    const shown = imagesOf({ lockFile: lockWith(past(CURRENT.slice(-12))) })[CURRENT];
    expect(shown.hidden).toBe(false);
    expect(shown.lifecycle.ignore_changes).not.toContain("hidden");
    const stack = newStack();
    addImage(stack, { lockFile: lockWith(past("111111111111")) });
    const { terraform_data: data } = synthesized(stack).resource;
    const command = (name: string) => data[`${name}_registered`].provisioner[0]["local-exec"].command;
    expect(command(CURRENT)).toMatch(/ --visible --gate specifications\/visa-apps-[0-9a-f]{12}\.json$/);
    expect(command("visa-apps_111111111111")).not.toMatch(/--visible|--gate/);
  });

  test("is not protected before its upload, and is by its registration", () => {
    const stack = newStack();
    addImage(stack);
    const { resource } = synthesized(stack);
    expect(resource.openstack_images_image_v2[CURRENT].protected).toBeUndefined();
    expect(resource.openstack_images_image_v2[CURRENT].lifecycle.ignore_changes).toContain("protected");
    const registered = resource.terraform_data[`${CURRENT}_registered`];
    expect(registered.triggers_replace).toEqual({
      image: `\${openstack_images_image_v2.${CURRENT}.id}`,
      protected: "true",
    });
    expect(registered.provisioner[0]["local-exec"].command).toMatch(/ lock add .* --protected --visible --gate \S+$/);
  });

  test("is another one for another disk format, os_ property or fingerprint, and no other for the rest", () => {
    const address = (props: Parameters<typeof addImage>[1]) => Object.keys(imagesOf(props))[0];
    expect(address({ diskFormat: "qcow2" })).not.toBe(CURRENT);
    expect(address({ properties: { os_version: "12.9" } })).not.toBe(CURRENT);
    expect(address({ specification: chain({ script: "333333333333 0755" }) })).not.toBe(CURRENT);
    expect(
      address({
        imageName: "x",
        visibility: "public",
        minDiskGb: 40,
        minRamMb: 1,
        tags: ["a"],
        properties: { a: "b" },
      }),
    ).toBe(CURRENT);
  });

  test("takes the path of the lock, the provider's cloud and its region along to the command", () => {
    const stack = newStack();
    const provider = new OpenstackProvider(stack, "other", { alias: "other", cloud: "prod", region: "north" });
    addImage(stack, { provider });
    const { resource } = synthesized(stack);
    expect(resource.openstack_images_image_v2[CURRENT].provider).toBe("openstack.other");
    expect(resource.terraform_data[`${CURRENT}_registered`].provisioner[0]["local-exec"]).toMatchObject({
      command: expect.stringMatching(/ --file (\.\.\/)+\S+visa-images\.lock\.json /),
      environment: { OS_CLOUD: "prod", OS_REGION_NAME: "north" },
    });
  });

  test("has outputs with stable names where they are asked for", () => {
    const stack = newStack();
    addImage(stack, { outputs: true });
    expect(Object.keys(synthesized(stack).output)).toEqual([
      "visa_apps_boot_command_file",
      "visa_apps_fingerprint",
      "visa_apps_image_id",
      "visa_apps_image_name",
    ]);
    const without = newStack();
    addImage(without);
    expect(synthesized(without).output).toBeUndefined();
  });

  test("gives the boot command as Terraform must read it, and in a file as it is to be pasted", () => {
    const outdir = scratchFolder();
    const stack = newStack("images", outdir);
    const { bootCommand, bootCommandFile } = addImage(stack, { verify: false, outputs: true });
    expect(bootCommand).toBe('#!/bin/bash\necho "$${owner:-}" %%{x}\n');
    expect(synthesized(stack).output.visa_apps_boot_command_file.value).toBe(bootCommandFile);
    expect(resolve(bootCommandFile)).toBe(join(outdir, "stacks", "images", "boot-commands", "visa-apps"));
    App.of(stack).synth();
    expect(readFileSync(bootCommandFile, "utf8")).toBe('#!/bin/bash\necho "${owner:-}" %{x}\n');
  });

  test("says nothing about protection where there is none", () => {
    const stack = newStack();
    addImage(stack, { protected: false });
    expect(Object.keys(synthesized(stack).resource.terraform_data)).not.toContain("visa-apps_protection");
  });

  test("is the construct's default child, and so are the main parts of the other constructs", () => {
    const stack = newStack();
    const image = addImage(stack);
    expect(image.node.defaultChild).toBe(image.release.image);
    const { build, verification } = image;
    expect([build.node.defaultChild, verification?.node.defaultChild]).toEqual([
      build.resource,
      verification?.resource,
    ]);
    const network = new VisaNetwork(stack, "network");
    const group = new VisaSecurityGroup(stack, "ports", { apiServerCidrs: [] });
    const desk = new VisaInstance(stack, "desk", { image, flavorName: "f", networkIds: [], owner: "ada" });
    expect([network, group, desk].map((each) => each.node.defaultChild)).toEqual([
      ...[network.network, group.group, desk.instance],
    ]);
  });

  test("gives larger disks more time", () => {
    const specification = chain();
    const layers = specification.layers.map((layer) => ({ ...layer, diskSizeGb: 100 }));
    const [image] = Object.values(imagesOf({ specification: { ...specification, layers } })) as [
      { readonly timeouts: { readonly create: string } },
    ];
    expect(image.timeouts.create).toBe("1727m");
  });

  test("says the operating system only where the base tells it", () => {
    const specification = specificationOf({ name: "one", suite: "trixie" });
    const [trixie] = Object.values(imagesOf({ specification })) as [{ readonly properties: object }];
    expect(trixie.properties).toMatchObject({ os_distro: "debian", os_version: "13" });
    const [layer] = specification.layers;
    const base = { kind: "file", path: "/x", checksum: "sha256:0", format: "qcow2" } as const;
    const layers = [{ ...(layer as NonNullable<typeof layer>), base }];
    const [unknown] = Object.values(imagesOf({ specification: { version: 1, layers } })) as [
      { readonly properties: object },
    ];
    expect(Object.keys(unknown.properties).filter((name) => name.startsWith("os_"))).toEqual(["os_type"]);
  });
});

describe("an image that boots by UEFI", () => {
  const specification = chain();
  const layers = specification.layers.map((layer) => ({ ...layer, contract: ["boot", "uefi"] as const }));
  const promised = { ...specification, layers };

  test.each<[string, Parameters<typeof addImage>[1]]>([
    ["firmware", { firmware: "uefi" }],
    ["its property", { properties: { hw_firmware_type: "uefi", hw_machine_type: "q35" } }],
  ])("is booted so by Nova and by the gate (by %s)", (_, props) => {
    const stack = newStack();
    addImage(stack, { specification: promised, ...props });
    const { openstack_images_image_v2: images, terraform_data: data } = synthesized(stack).resource;
    const [{ properties }] = Object.values<{ properties: Record<string, string> }>(images) as [
      { properties: Record<string, string> },
    ];
    expect(properties).toMatchObject({ hw_firmware_type: "uefi", hw_machine_type: "q35" });
    const verified = data["visa-apps_verified"];
    expect(verified.triggers_replace).toMatchObject({ firmware: "uefi" });
    expect(JSON.stringify(verified.provisioner)).toContain("--firmware uefi");
  });

  test("one that boots by BIOS is what it was", () => {
    const stack = newStack();
    addImage(stack, { specification: promised, firmware: "bios" });
    const { openstack_images_image_v2: images, terraform_data: data } = synthesized(stack).resource;
    expect(JSON.stringify(images)).not.toContain("hw_machine_type");
    expect(JSON.stringify(data["visa-apps_verified"])).not.toContain("firmware");
  });

  test("fails where its template does not promise that it can", () => {
    expect(() => imagesOf({ firmware: "uefi" })).toThrow(
      /"visa-apps" does not promise that it can\n {2}fix: .*contract: "boot uefi" in its manifest\.yml/,
    );
  });
});

describe("releases of the past", () => {
  test("the one before is hidden after the current one is registered, and keeps all else", () => {
    const images = imagesOf({ lockFile: lockWith(past("111111111111")) });
    expect(images["visa-apps_111111111111"]).toMatchObject({
      name: "Desktop $${old}",
      hidden: true,
      depends_on: [`terraform_data.${CURRENT}_registered`],
    });
    const { ignore_changes: ignored } = images["visa-apps_111111111111"].lifecycle;
    expect(ignored).toEqual(expect.arrayContaining(["name", "properties", "local_file_path", "protected", "tags"]));
    expect(ignored).not.toContain("hidden");
  });

  /**
   * @fault machine: Terraform is missing or too old
   */
  test("older ones are forgotten, not destroyed", () => {
    const stack = newStack();
    const lockFile = lockWith(past("111111111111"), past("222222222222"), past("333333333333"));
    addImage(stack, { lockFile });
    const json = synthesized(stack);
    expect(Object.keys(json.resource.openstack_images_image_v2)).toEqual(["visa-apps_333333333333", CURRENT]);
    expect(json.removed).toEqual(
      ["222222222222", "111111111111"].flatMap((release) =>
        [`openstack_images_image_v2.visa-apps_${release}`, `terraform_data.visa-apps_${release}_registered`].map(
          (from) => ({ from, lifecycle: { destroy: false } }),
        ),
      ),
    );
    expect(json.terraform.required_version).toBe(">= 1.7");
    expect(json.import).toEqual([
      { to: "openstack_images_image_v2.visa-apps_333333333333", id: "5f0e9b7c-0000-4000-8000-333333333333" },
    ]);
  });

  test("as many are kept as is asked for", () => {
    const lockFile = lockWith(past("111111111111"), past("222222222222"));
    expect(Object.keys(imagesOf({ lockFile, retain: 0 }))).toEqual([CURRENT]);
    expect(Object.keys(imagesOf({ lockFile, retain: 5 }))).toHaveLength(3);
  });

  test("the current one is none of them", () => {
    const lockFile = lockWith(past("111111111111"), past("5c329d84cf97"));
    expect(Object.keys(imagesOf({ lockFile }))).toEqual(["visa-apps_111111111111", CURRENT]);
  });

  test("those of other images and stacks are left alone", () => {
    const lockFile = join(scratchFolder(), "visa-images.lock.json");
    const images = { "other/visa-apps": [past("111111111111")], "images/other": [past("222222222222")] };
    writeFileSync(lockFile, formatLock({ version: 1, images }));
    expect(Object.keys(imagesOf({ lockFile }))).toEqual([CURRENT]);
  });

  test("fails for a lock that is none", () => {
    const lockFile = lockWith();
    writeFileSync(lockFile, "<<<<<<< HEAD");
    expect(() => imagesOf({ lockFile })).toThrow("the lock is no JSON");
    rmSync(lockFile);
    expect(Object.keys(imagesOf({ lockFile }))).toEqual([CURRENT]);
  });
});

describe("a release of the past that is in use again", () => {
  const lockFile = lockWith(past("111111111111"), past("222222222222"), past("5c329d84cf97"));
  const rolledBack = (props: Parameters<typeof addImage>[1] = {}, stack = newStack()) => {
    const image = addImage(stack, { lockFile, release: "222222222222", outputs: true, ...props });
    return { image, json: synthesized(stack) };
  };

  test("is visible, and the one before is hidden after it", () => {
    const { openstack_images_image_v2: images } = rolledBack().json.resource;
    expect(Object.keys(images)).toEqual(["visa-apps_222222222222", CURRENT]);
    expect(images["visa-apps_222222222222"]).toMatchObject({ hidden: false, name: "Desktop $${old}" });
    expect(images["visa-apps_222222222222"].depends_on).toBeUndefined();
    expect(images[CURRENT]).toMatchObject({
      hidden: true,
      depends_on: ["terraform_data.visa-apps_222222222222_registered"],
    });
  });

  test("needs no build, no verification and no upload, whatever the templates say", () => {
    const specification = chain({ script: "999999999999 0755" });
    const { openstack_images_image_v2: images, terraform_data: data } = rolledBack({ specification }).json.resource;
    for (const name of ["layer_system-base", "layer_visa-base", "layer_visa-apps", "visa-apps_verified"]) {
      expect(data[name].provisioner).toBeUndefined();
      expect(data[name].lifecycle.ignore_changes).toEqual(["triggers_replace"]);
      expect(data[name].triggers_replace).toHaveProperty("rolled back");
    }
    expect(Object.keys(images)).toEqual(["visa-apps_222222222222", CURRENT]);
  });

  test("is imported where the state forgot it, and its image is what others get", () => {
    const { image, json } = rolledBack({ retain: 0 });
    expect(json.import).toEqual([
      { to: "openstack_images_image_v2.visa-apps_222222222222", id: "5f0e9b7c-0000-4000-8000-222222222222" },
    ]);
    expect(image.fingerprint).toBe("222222222222".padEnd(64, "0"));
    expect(json.output.visa_apps_image_id.value).toBe("${openstack_images_image_v2.visa-apps_222222222222.id}");
  });

  test("shows in the plan as what is in use", () => {
    const { json } = rolledBack({ retain: 2 });
    expect(json.resource.terraform_data["visa-apps_in_use"]).toMatchObject({
      triggers_replace: { release: "222222222222", "past releases": "5c329d84cf97 111111111111", retain: "2" },
      depends_on: ["222222222222", "5c329d84cf97", "111111111111"].map(
        (release) => `terraform_data.visa-apps_${release}_registered`,
      ),
    });
  });

  test("leaves the layers that another image of the stack needs to be built", () => {
    for (const otherFirst of [false, true]) {
      const stack = newStack();
      const add = [() => rolledBack({}, stack), () => addImage(stack, {}, "other")];
      for (const each of otherFirst ? add.reverse() : add) each();
      const { terraform_data: data } = synthesized(stack).resource;
      expect(data["layer_visa-apps"]).toMatchObject({ provisioner: [expect.anything()] });
      expect(data["layer_visa-apps"].lifecycle).toBeUndefined();
      expect(data["layer_visa-apps"].triggers_replace).not.toHaveProperty("rolled back");
      expect(data["visa-apps_verified"].provisioner).toBeUndefined();
      expect(data.other_verified.provisioner).toHaveLength(1);
    }
  });

  test("is the current one where the templates say the same", () => {
    const { openstack_images_image_v2: images, terraform_data: data } = rolledBack({ release: "5c329d84cf97" }).json
      .resource;
    expect(images[CURRENT].local_file_path).toContain("images/visa-apps-");
    expect(data["layer_visa-apps"].provisioner).toHaveLength(1);
  });

  test("fails for one that the lock does not know, with those that it does", () => {
    expect(() => imagesOf({ lockFile, release: "333333333333" })).toThrow(
      /no release "333333333333" of "images\/visa-apps"\n {2}fix: choose one of: 111111111111 \(2026-11-01\)/,
    );
    expect(() => imagesOf({ release: "333333333333" })).toThrow("npx visa-image lock sync");
  });
});

describe("what cannot be right", () => {
  const token = () => Lazy.stringValue({ produce: () => "x" });

  test.each<[string, Parameters<typeof addImage>[1], string]>([
    ["a disk that does not fit", { minDiskGb: 10 }, 'minDiskGb is 10, but the disk of the template "visa-apps" has 20'],
    ["a property of ours", { properties: { visa_fingerprint: "x" } }, 'the property "visa_fingerprint"'],
    ["half a release", { retain: 1.5 }, '"retain" is 1.5'],
    ["a token as a template", { template: token() }, '"template" is a token'],
    ["a token as a variable", { variables: { "visa-apps": { x: token() } } }, '"variables.visa-apps.x" is a token'],
    ["a token as an os_ property", { properties: { os_version: token() } }, '"properties.os_version" is a token'],
    ["a token as the firmware", { properties: { hw_firmware_type: token() } }, '"properties.hw_firmware_type" is'],
    ["a token as a cache buster", { cacheBuster: Fn.upper("x") }, '"cacheBuster" is a token'],
    ["a token as properties", { properties: Token.asStringMap(Fn.merge([{}])) }, '"properties" is a token'],
    [
      "a token as variables",
      { variables: { "visa-apps": Token.asStringMap(Fn.merge([{}])) } },
      '"variables.visa-apps"',
    ],
    ["a token as the machine", { machine: { cpus: Token.asNumber(Fn.abs(1)) } }, '"machine.cpus" is a token'],
    ["another template's specification", { template: "other" }, 'ends at "visa-apps", not at the template "other"'],
  ])("fails for %s", (_, props, message) => {
    expect(() => imagesOf(props)).toThrow(message);
  });

  test("a name, tags and a property may be tokens", () => {
    const stack = newStack();
    const name = new TerraformVariable(stack, "name", { type: "string" }).stringValue;
    const tags = new TerraformVariable(stack, "tags", { type: "list(string)" }).listValue;
    addImage(stack, { imageName: name, tags, properties: { site: name } });
    expect(synthesized(stack).resource.openstack_images_image_v2[CURRENT]).toMatchObject({
      name: "${var.name}",
      tags: "${var.tags}",
      properties: { site: "${var.name}" },
    });
  });
});

test("props by their names of before are taken, with a warning that names the present ones", () => {
  const stack = newStack();
  const image = addImage(stack, { parentsFromGlance: true });
  expect(image.build.specification.parentsFromGlance).toBeDefined();
  expect(image.node.metadata.map(({ data }) => data)).toEqual([
    '"parentsFromGlance" is "cacheFrom" now, and is known by its old name for one more version',
  ]);
});

describe("the gate", () => {
  const verified = (props: Parameters<typeof addImage>[1] = {}) => {
    const stack = newStack();
    addImage(stack, props);
    return synthesized(stack).resource.terraform_data["visa-apps_verified"];
  };
  const withChecks = (sha256: string, contract: ("boot" | "desktop")[] = ["boot"]) => {
    const specification = chain();
    const layers = specification.layers.map((layer, index) => ({
      ...layer,
      contract,
      checks:
        index === 1 ? [{ path: "files/visa-base/checks/net.sh", source: "/tmp/net.sh", mode: 0o755, sha256 }] : [],
    }));
    return { ...specification, layers };
  };

  test("stands between the build and the upload", () => {
    const resource = verified();
    expect(resource.depends_on).toEqual(["terraform_data.layer_visa-apps"]);
    const [{ command }] = resource.provisioner.map((each: Record<string, unknown>) => each["local-exec"] ?? each);
    expect(command).toMatch(
      /main\.js verify --profile gate --specification specifications\/visa-apps-cf10f0171379\.json --boot-command boot-commands\/visa-apps$/,
    );
  });

  test("looks again where the disk, the contract, a check or the boot command changed, and names it", () => {
    const triggers = verified({ specification: withChecks("ab".repeat(32)) }).triggers_replace;
    expect(triggers).toEqual({
      fingerprint: chain().layers[2]?.fingerprint,
      "disk format": "raw",
      contract: "boot",
      verifier: "3",
      "boot command": expect.stringMatching(/^[0-9a-f]{12}$/),
      "check visa-base net.sh": "ab".repeat(6),
    });
    expect(verified({ specification: withChecks("cd".repeat(32)) }).triggers_replace).toMatchObject({
      fingerprint: triggers.fingerprint,
      "check visa-base net.sh": "cd".repeat(6),
    });
    expect(
      verified({ specification: withChecks("ab".repeat(32), ["boot", "desktop"]) }).triggers_replace.contract,
    ).toBe("boot desktop");
  });

  describe("with a budget for the boot", () => {
    const bootBudget = { owner: 0.25, ports: 0.3, firstPicture: 0.5 };
    const specification = withChecks("ab".repeat(32), ["boot", "desktop"]);

    test("has its shares as a trigger, and finds the release in use when it runs", () => {
      const resource = verified({ specification, bootBudget });
      expect(resource.triggers_replace["boot budget"]).toBe("owner=0.25,ports=0.3,firstPicture=0.5");
      expect(resource.provisioner[0]["local-exec"].command).toMatch(
        /--boot-budget owner=0\.25,ports=0\.3,firstPicture=0\.5 --in-use images\/visa-apps --lock-file \S+visa-images\.lock\.json$/,
      );
    });

    test("is the same before and after a release: a plan of what did not change is empty", () => {
      const lockFile = join(scratchFolder(), "visa-images.lock.json");
      const before = verified({ specification, bootBudget, lockFile });
      const release = past("5c329d84cf97", { fingerprint: specification.layers[2]?.fingerprint });
      writeFileSync(lockFile, formatLock({ version: 1, images: { "images/visa-apps": [release] } }));
      expect(verified({ specification, bootBudget, lockFile })).toEqual(before);
    });

    test.each<[string, Parameters<typeof addImage>[1], string]>([
      [
        "a share that is a percentage",
        { specification, bootBudget: { owner: 25 } },
        '"bootBudget.owner" is 25, expected a share',
      ],
      ["no share at all", { specification, bootBudget: {} }, '"bootBudget" is empty'],
      [
        "a step that there is none of",
        { specification, bootBudget: { picture: 1 } as object },
        '"bootBudget.picture" is nothing',
      ],
      ["no gate", { specification, bootBudget, verify: false }, '"bootBudget" does not go with "verify: false"'],
      [
        "what is not promised",
        { bootBudget: { ports: 0.25 } },
        '"bootBudget.ports" is set, and "visa-apps" does not promise "desktop"\n  fix: contract: boot desktop in its manifest.yml; or leave out ports',
      ],
    ])("fails for %s", (_, props, message) => {
      expect(() => verified(props)).toThrow(message);
    });
  });

  test("can be left out", () => {
    expect(verified({ verify: false })).toBeUndefined();
    expect(imagesOf({ verify: false })[CURRENT].local_file_path).toContain("terraform_data.layer_visa-apps.id");
  });
});

test("a certificate's UUID gives an image that is yet to come what Glance checks it by, and changes nothing else", () => {
  const signatureCertificateUuid = "a9b0c1d2-0000-4000-8000-000000000001";
  const [outdir, lockFile] = [scratchFolder(), lockWith()];
  const signed = newStack("images", outdir);
  addImage(signed, { signatureCertificateUuid, lockFile });
  App.of(signed).synth();
  const json = JSON.parse(readFileSync(join(outdir, "stacks/images/cdk.tf.json"), "utf8"));
  const [image] = Object.values<{ properties: Record<string, string>; lifecycle: { ignore_changes: string[] } }>(
    json.resource.openstack_images_image_v2,
  );
  if (!image) throw new Error("there is no image");
  const own = Object.entries(image.properties).filter(([name]) => name.startsWith("img_"));
  expect(Object.fromEntries(own)).toEqual({
    img_signature: expect.stringMatching(
      /^\$\{terraform_data\.visa-apps_verified\.id != "" && fileexists\("(.*\.raw\.img_signature)"\) \? trimspace\(file\("\1"\)\) : ""\}$/,
    ),
    img_signature_certificate_uuid: signatureCertificateUuid,
    img_signature_hash_method: "SHA-256",
    img_signature_key_type: "ECC_SECP384R1",
  });
  const ignored = own.map(([name]) => `properties["${name}"]`);
  expect(image.lifecycle.ignore_changes).toEqual(expect.arrayContaining(ignored));
  const specifications = readdirSync(join(outdir, "stacks/images/specifications"));
  const signs = specifications.filter((name) =>
    readFileSync(join(outdir, "stacks/images/specifications", name), "utf8").includes('"signed": true'),
  );
  expect(signs).toEqual([expect.stringMatching(/^visa-apps-/)]);

  // Without one, all else being equal, the stack is what it was.
  for (const [name] of own) delete image.properties[name];
  image.lifecycle.ignore_changes = image.lifecycle.ignore_changes.filter((each) => !ignored.includes(each));
  const outdirWithout = scratchFolder();
  const plain = newStack("images", outdirWithout);
  addImage(plain, { lockFile });
  App.of(plain).synth();
  const before = JSON.parse(readFileSync(join(outdirWithout, "stacks/images/cdk.tf.json"), "utf8"));
  const images = ({ resource }: typeof json) =>
    JSON.stringify(resource.openstack_images_image_v2).replaceAll(outdir, "").replaceAll(outdirWithout, "");
  expect(images(json)).toBe(images(before));
  const triggers = ({ resource }: typeof json) =>
    Object.values<{ triggers_replace?: object }>(resource.terraform_data).map((each) => each.triggers_replace);
  expect(triggers(json)).toEqual(triggers(before));
});

test("fails for a layer that was revoked, with the reason; a release that does not stand on it can be gone back to", () => {
  const specification = chain();
  const [, base, apps] = specification.layers.map(({ fingerprint }) => fingerprint) as [string, string, string];
  const revoked = { [base]: { reason: "its key leaked", date: "2026-11-28T10:00:00Z" } };
  const newest = past("5c329d84cf97", { fingerprint: apps });
  const images = { "images/visa-apps": [past("111111111111"), newest] };
  const lockFile = join(scratchFolder(), "visa-images.lock.json");
  writeFileSync(lockFile, formatLock({ version: 1, images, revoked }));
  expect(() => imagesOf({ specification, lockFile })).toThrow(
    /"images\/visa-apps" stands on [0-9a-f]{12}, which was revoked on 2026-11-28: its key leaked\n {2}fix: /,
  );
  expect(imagesOf({ specification, lockFile, release: "111111111111" })["visa-apps_111111111111"].hidden).toBe(false);
  const again = { ...revoked, ["1".repeat(12).padEnd(64, "0")]: { reason: "old", date: "2026-11-28", because: base } };
  writeFileSync(lockFile, formatLock({ version: 1, images, revoked: again }));
  expect(() => imagesOf({ specification, lockFile, release: "111111111111" })).toThrow(/which was revoked/);
});

test("a past release that is retired changes nothing in a plan, and fails where it is to be in use again", () => {
  const specification = chain();
  const newest = past("5c329d84cf97", { fingerprint: specification.layers.at(-1)?.fingerprint as string });
  const images = { "images/visa-apps": [past("111111111111"), newest] };
  const lockFile = join(scratchFolder(), "visa-images.lock.json");
  writeFileSync(lockFile, formatLock({ version: 1, images }));
  // Each synth has an output folder of its own.
  const configuration = () => JSON.stringify(imagesOf({ specification, lockFile })).replace(/own-\w+/g, "own");
  const before = configuration();
  writeFileSync(lockFile, formatLock({ version: 1, images, retired: { "111111111111": "2026-11-28T10:00:00Z" } }));
  expect(configuration()).toBe(before);
  expect(() => imagesOf({ specification, lockFile, release: "111111111111" })).toThrow(/was retired on 2026-11-28/);
});
