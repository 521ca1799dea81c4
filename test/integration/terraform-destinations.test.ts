/** Several destinations, sharing and renaming: on Terraform, the provider, Keystone and Glance. */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { parse } from "yaml";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import { type Release, readLock } from "../../lib/releases/release-lock";
import { addImage, chain } from "../constructs/support";
import { FULL } from "../support/full";
import { cloudEnvironmentOf, runVisaImage, TerraformFolder, useStandIn } from "./terraform-support";

jest.setTimeout(300_000);

/** Many deploys; the plans of both are synthesized in test/constructs and test/releases too. */
const whenFull = FULL ? describe : describe.skip;

const scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
const cloud = new EmbeddedCloud(join(scratch, "cloud"));
const cloudsFile = join(scratch, "clouds.yaml");
const environment = {
  ...cloudEnvironmentOf(join(scratch, "cloud")),
  OS_CLIENT_CONFIG_FILE: cloudsFile,
  VISA_IMAGE_CACHE: join(scratch, "cache"),
};
const lockFile = join(scratch, "visa-images.lock.json");
const [first, second, third] = ["1", "2", "3"].map((digit) => chain({ script: `${digit.repeat(12)} 0755` })) as [
  ReturnType<typeof chain>,
  ReturnType<typeof chain>,
  ReturnType<typeof chain>,
];

/** Ids of the projects, by the entry of clouds.yaml. */
const projects: Record<string, string> = {};

beforeAll(async () => {
  await cloud.start();
  const { embedded } = parse(readFileSync(join(scratch, "cloud", "clouds.yaml"), "utf8")).clouds;
  writeFileSync(cloudsFile, JSON.stringify({ clouds: { embedded } }));
  const as = (project: string) => ({ ...embedded, auth: { ...embedded.auth, project_name: project } });
  for (const project of ["partner", "other"]) {
    openstack("embedded", "project", "create", project);
    openstack("embedded", "role", "add", "--user", "admin", "--project", project, "admin");
  }
  // The same Glance, by another region of Keystone's catalog.
  const url = openstack(
    "embedded",
    "endpoint",
    "list",
    "--service",
    "image",
    "--interface",
    "public",
    "-f",
    "value",
    "-c",
    "URL",
  );
  openstack("embedded", "region", "create", "South");
  openstack("embedded", "endpoint", "create", "--region", "South", "image", "public", url.trim());
  const south = { ...embedded, region_name: "South" };
  const full = as("other");
  writeFileSync(cloudsFile, JSON.stringify({ clouds: { embedded, partner: as("partner"), south, full } }));
  for (const [entry, name] of Object.entries({ embedded: "admin", partner: "partner", full: "other" })) {
    projects[entry] = openstack("embedded", "project", "show", name, "-f", "value", "-c", "id").trim();
  }
});
afterAll(async () => {
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

/** What a stack is made of. */
interface Made {
  readonly stackId?: string;
  readonly id?: string;
  readonly specification: ReturnType<typeof chain>;
  readonly props?: Partial<VisaImageProps>;
  /** Entries of clouds.yaml. */
  readonly destinations?: readonly string[];
  readonly shareWith?: readonly string[];
}

function synthesize({ stackId = "images", id = "desk", specification, props, destinations = [], shareWith }: Made) {
  const app = new App({ outdir: join(scratch, "out") });
  const stack = new TerraformStack(app, stackId);
  new LocalBackend(stack, { path: "terraform.tfstate" });
  new OpenstackProvider(stack, "openstack", { cloud: "embedded" });
  const image = addImage(stack, { lockFile, specification, ...props }, id);
  if (shareWith) image.shareWith(...shareWith);
  for (const name of destinations) {
    const provider = new OpenstackProvider(stack, `cloud-${name}`, { alias: name, cloud: name });
    image.addDestination(name, { provider });
  }
  app.synth();
  const folder = join(scratch, "out", "stacks", stackId);
  useStandIn(folder);
  return new TerraformFolder(folder, environment);
}

const OPTIONS = ["-input=false", "-compact-warnings"];
const apply = (made: Made) => synthesize(made).run("apply", "-auto-approve", ...OPTIONS);
const plan = (made: Made) => synthesize(made).run("plan", ...OPTIONS);

function openstack(entry: string, ...args: string[]): string {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...environment, OS_CLOUD: entry };
  return execFileSync("openstack", args, { env, encoding: "utf8" });
}

const visaImage = (...args: string[]) => runVisaImage(args, scratch, environment);

function releases(image: string): readonly Release[] {
  return readLock(lockFile).images[image] ?? [];
}

function idOf(image: string, specification: ReturnType<typeof chain>): string {
  const fingerprint = specification.layers.at(-1)?.fingerprint;
  const found = releases(image).find((release) => release.fingerprint === fingerprint);
  return found?.imageId ?? "none in the lock";
}

/** Ids of the images that one project's people see of their own. */
function visible(entry: string): string[] {
  const owner = projects[entry] ?? "";
  const lines = openstack(entry, "image", "list", "--property", `owner=${owner}`, "-f", "value", "-c", "ID");
  return lines.split("\n").filter(Boolean).sort();
}

/** How often the stand-in built, and how often it verified. */
function work(stackId = "images"): number[] {
  return ["builds.log", "verifications.log"]
    .map((name) => join(scratch, "out", "stacks", stackId, name))
    .map((file) => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").length : 0));
}

describe("destinations", () => {
  const both = { destinations: ["partner", "south"] };

  test("have one build, one gate and an image each, in another project and another region", () => {
    apply({ specification: first, ...both });
    expect(work()).toEqual([3, 1]);
    const keys = ["images/desk", "images/desk_partner", "images/desk_south"];
    const locked = keys.map((key) => releases(key)[0] as Release);
    expect(new Set(locked.map(({ imageId }) => imageId)).size).toBe(3);
    expect(new Set(locked.map(({ sha512 }) => sha512)).size).toBe(1);
    expect(visible("partner")).toEqual([locked[1]?.imageId]);
    expect(visible("embedded")).toEqual([locked[0]?.imageId, locked[2]?.imageId].sort());
    expect(readLock(lockFile).clouds).toEqual({
      "images/desk": { cloud: "embedded" },
      "images/desk_partner": { cloud: "partner" },
      "images/desk_south": { cloud: "south" },
    });
    expect(plan({ specification: first, ...both })).toContain("No changes.");
  });

  test("one that fails leaves the others as they were, and itself", () => {
    const more = { destinations: [...both.destinations, "full"] };
    apply({ specification: first, ...more });
    const before = idOf("images/desk_full", first);
    // Its project is gone from one moment to the next.
    openstack("embedded", "project", "set", "--disable", "other");
    const failed = synthesize({ specification: second, ...more }).try(
      "apply",
      "-auto-approve",
      "-refresh=false",
      ...OPTIONS,
    );
    openstack("embedded", "project", "set", "--enable", "other");
    expect(failed.status).toBe(1);
    for (const name of ["desk", "desk_partner", "desk_south"]) expect(releases(`images/${name}`)).toHaveLength(2);
    expect(visible("partner")).toEqual([idOf("images/desk_partner", second)]);
    expect(visible("full")).toEqual([before]);
    expect(releases("images/desk_full")).toHaveLength(1);

    const [builds] = work();
    apply({ specification: second, ...more });
    expect(visible("full")).toEqual([idOf("images/desk_full", second)]);
    expect(work()[0]).toBe(builds);
    expect(plan({ specification: second, ...more })).toContain("No changes.");
  });

  test("are each asked where they are, by what a person runs on the lock", () => {
    const before = readFileSync(lockFile, "utf8");
    const { status, text } = visaImage("lock", "sync");
    expect({ status, text }).toMatchObject({ status: 0 });
    expect(text).toContain("images/desk_partner: 2 releases, as it should be");
    expect(readFileSync(lockFile, "utf8")).toBe(before);
    const pruned = visaImage("prune", "--retain", "0", "--force", "images/desk_full");
    expect(pruned.text).toMatch(/images\/desk_full: release \w+, image \S+: deleted/);
    expect(releases("images/desk")).toHaveLength(2);
    expect(releases("images/desk_full")).toHaveLength(1);
  });

  test("that are taken away stay in Glance, which protects them", () => {
    const less = synthesize({ specification: second, destinations: both.destinations });
    const failed = less.try("apply", "-auto-approve", ...OPTIONS);
    expect(failed.status).toBe(1);
    expect(failed.text).toMatch(/403|Provider configuration not present/);
    expect(visible("full")).toEqual([idOf("images/desk_full", second)]);
  });
});

whenFull("an image that is shared", () => {
  const made = { stackId: "shared", id: "desk", props: { visibility: "shared" as const } };
  const members = (id: string) =>
    openstack("embedded", "image", "member", "list", id, "-f", "value", "-c", "Member ID").split("\n").filter(Boolean);

  test("is so in the release in use and the one before, and an accepted one is seen", () => {
    const { partner = "" } = projects;
    apply({ ...made, specification: first });
    apply({ ...made, specification: second, shareWith: [partner] });
    const ids = [first, second].map((each) => idOf("shared/desk", each));
    for (const id of ids) expect(members(id)).toEqual([partner]);
    openstack("partner", "image", "set", "--accept", ids[1] ?? "");
    const seen = openstack("partner", "image", "list", "--shared", "-f", "value", "-c", "ID");
    expect(seen).toContain(ids[1]);
    expect(plan({ ...made, specification: second, shareWith: [partner] })).toContain("No changes.");
  });

  test("stays so where Terraform forgets it, and is not where it is taken back", () => {
    const { partner = "" } = projects;
    apply({ ...made, specification: third, shareWith: [partner] });
    expect(members(idOf("shared/desk", first))).toEqual([partner]);
    apply({ ...made, specification: third });
    expect([second, third].map((each) => members(idOf("shared/desk", each)))).toEqual([[], []]);
  });
});

whenFull("another name", () => {
  test("for an image keeps its releases: the plan moves, and builds, uploads and deletes nothing", () => {
    apply({ stackId: "named", specification: first });
    apply({ stackId: "named", specification: second });
    const ids = releases("named/desk").map(({ imageId }) => imageId);
    const before = work("named");
    const { status, text } = visaImage("lock", "rename", "named/desk", "named/table");
    expect({ status, text }).toMatchObject({
      status: 0,
      text: expect.stringContaining("named/desk is named/table now, with 2 releases"),
    });
    const made = { stackId: "named", id: "table", specification: second };
    const planned = plan(made);
    expect(planned).toMatch(/openstack_images_image_v2\.desk_(\w+) has moved to openstack_images_image_v2\.table_\1/);
    expect(planned).toContain("Plan: 0 to add, 1 to change, 0 to destroy.");
    // Also where the next release comes with it, and the oldest is forgotten.
    const later = plan({ ...made, specification: third });
    expect(later).toMatch(/openstack_images_image_v2\.desk_\w+ will no longer be managed by Terraform/);
    expect(later).not.toMatch(/images_image_v2\.\w+ (will|must) be (destroyed|replaced)/);
    apply(made);
    expect(plan(made)).toContain("No changes.");
    expect(releases("named/table").map(({ imageId }) => imageId)).toEqual(ids);
    expect(openstack("embedded", "image", "show", ids[1] ?? "", "-f", "json")).toContain('"named/table"');
    apply({ ...made, specification: third });
    expect(releases("named/table")).toHaveLength(3);
    expect(work("named")).toEqual([(before[0] ?? 0) + 1, (before[1] ?? 0) + 1]);
  });

  test("for a stack, whose state comes along, plans nothing but the notice", () => {
    expect(visaImage("lock", "rename", "named", "renamed").status).toBe(0);
    const made = { stackId: "renamed", id: "table", specification: third };
    synthesize(made);
    const [from, to] = ["named", "renamed"].map((stack) => join(scratch, "out", "stacks", stack, "terraform.tfstate"));
    renameSync(from ?? "", to ?? "");
    expect(plan(made)).toContain("Plan: 0 to add, 1 to change, 0 to destroy.");
    apply(made);
    expect(plan(made)).toContain("No changes.");
    expect(releases("renamed/table")).toHaveLength(3);
  });

  test("fails for what the lock does not know, or knows already", () => {
    expect(visaImage("lock", "rename", "named/desk", "named/x").text).toContain(
      'the lock has no image or stack "named/desk"',
    );
    expect(visaImage("lock", "rename", "renamed/table", "shared/desk").text).toContain(
      'has an image "shared/desk" already',
    );
  });
});
