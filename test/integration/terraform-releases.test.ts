/** Signing, revoking, going back and forth, a lock that is lost, adopting and pruning: on Terraform, the provider, Keystone and Glance. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, LocalBackend, TerraformOutput, TerraformStack } from "cdktf";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { VisaImage } from "../../lib/constructs/visa-image";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import { type Release, readLock } from "../../lib/releases/release-lock";
import { type ArtifactManifest, Cache, SBOM_FILE } from "../../lib/runner/cache/cache";
import { addImage, chain } from "../constructs/support";
import { digestOf, type KeyPair, makeKeys } from "../releases/trust/support";
import { SignedRelease } from "./signed-release";
import { cloudEnvironmentOf, runVisaImage, TerraformFolder, useStandIn } from "./terraform-support";

jest.setTimeout(300_000);

const IMAGE = "images/visa-apps";
/** What is kept of a release beside the lock. */
const RELEASE_FILES = ["manifest.json", "report.json", SBOM_FILE];
const scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
const cloud = new EmbeddedCloud(join(scratch, "cloud"));
const cloudEnvironment = {
  ...cloudEnvironmentOf(join(scratch, "cloud")),
  VISA_IMAGE_CACHE: join(scratch, "cache"),
};
const lockFile = join(scratch, "visa-images.lock.json");
const out = join(scratch, "out");
const folder = join(out, "stacks", "images");
const [first, second, third, fourth] = ["1", "2", "3", "4"].map((digit) =>
  chain({ script: `${digit.repeat(12)} 0755` }),
) as [Specification, Specification, Specification, Specification];
type Specification = ReturnType<typeof chain>;
let keys: KeyPair;
let signed: SignedRelease;

beforeAll(async () => {
  keys = makeKeys();
  await cloud.start();
});
afterAll(async () => {
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

/**
 * Synthesizes the stack anew into the same folder, and one of another team that uses its image.
 *
 * @param more variables of Terraform's environment
 */
function synthesize(props: Partial<VisaImageProps>, more: Readonly<Record<string, string>> = {}): TerraformFolder {
  const app = new App({ outdir: out });
  const stack = new TerraformStack(app, "images");
  new LocalBackend(stack, { path: join(folder, "terraform.tfstate") });
  new OpenstackProvider(stack, "openstack");
  const image = addImage(stack, { lockFile, ...props });

  const servers = new TerraformStack(app, "servers");
  new LocalBackend(servers, { path: "terraform.tfstate" });
  new OpenstackProvider(servers, "openstack");
  const found = VisaImage.fromImageName(servers, "image", {
    imageName: "visa-apps",
    properties: { visa_image: IMAGE },
  });
  new TerraformOutput(servers, "found", { value: `${found.imageId} ${found.fingerprint}` });
  new TerraformOutput(servers, "referred", { value: image.imageId });

  app.synth();
  useStandIn(folder);
  return new TerraformFolder(folder, { ...cloudEnvironment, ...more });
}

const OPTIONS = ["-input=false", "-compact-warnings"];
const apply = (terraform: TerraformFolder) => terraform.run("apply", "-auto-approve", ...OPTIONS);
const plan = (terraform: TerraformFolder) => terraform.run("plan", ...OPTIONS);

function releases(): readonly Release[] {
  return readLock(lockFile).images[IMAGE] ?? [];
}

function releaseOf(specification: Specification): Release {
  const fingerprint = specification.layers.at(-1)?.fingerprint;
  const found = releases().find((release) => release.fingerprint === fingerprint);
  if (!found) throw new Error(`not in the lock: ${fingerprint}`);
  return found;
}

function openstack(...args: string[]): string {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...cloudEnvironment };
  return execFileSync("openstack", args, { env, encoding: "utf8" });
}

const visaImage = (...args: string[]) => runVisaImage(args, scratch, cloudEnvironment);

/** Ids of the images that Glance has. */
function listed(...options: string[]): string[] {
  return openstack("image", "list", "-f", "value", "-c", "ID", ...options)
    .split("\n")
    .filter(Boolean)
    .sort();
}
const visible = () => listed();
const hidden = () => listed("--hidden");
const ids = (...specifications: Specification[]) => specifications.map((each) => releaseOf(each).imageId).sort();

/** What the stand-in was asked to build and to verify. */
function work(): string {
  return ["builds.log", "verifications.log"]
    .map((name) => join(folder, name))
    .map((file) => (existsSync(file) ? readFileSync(file, "utf8") : ""))
    .join("--\n");
}

/** What a build of a layer would have left in the cache, with the note of the flattened disk that the stand-in's gate names. */
async function publish(specification: Specification, git: ArtifactManifest["git"]): Promise<void> {
  const cache = new Cache(cloudEnvironment.VISA_IMAGE_CACHE);
  await cache.prepare();
  const staging = join(cache.root, "staging");
  mkdirSync(staging);
  const bill = JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", components: [{ name: "bash" }] });
  const files = { "disk.qcow2": "disk", "disk.raw.json": JSON.stringify({ digest: "stand-in" }), [SBOM_FILE]: bill };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(staging, name), text);
  await cache.publish(staging, {
    ...{ version: 1, fingerprint: specification.layers.at(-1)?.fingerprint ?? "", template: "visa-apps", inputs: {} },
    disk: { bytes: 4, sha256: "", modified: 0, virtualSizeGb: 1 },
    ...{ createdAt: "2026-11-23T00:00:00.000Z", durationSeconds: 1, tools: {}, packageVersion: "0", git },
    sbom: { sha256: digestOf("sha256", bill), packages: 1 },
  });
}

test("an image says where it came from, is signed, and the next plan is empty without the key too", async () => {
  await publish(first, { commit: "c0ffee", modified: false });
  apply(synthesize({ specification: first }, { VISA_SIGNING_KEY_FILE: keys.secret }));
  const { imageId, fingerprint, release } = releaseOf(first);
  signed = await SignedRelease.of(imageId, keys, cloudEnvironment);
  const manifest = readFileSync(join(scratch, "cache", "artifacts", fingerprint, "manifest.json"));
  expect(signed.image).toMatchObject({
    visa_commit: "c0ffee",
    visa_manifest_sha256: digestOf("sha256", manifest),
    visa_image: IMAGE,
    visa_protected_by: "visa-image",
  });
  expect(hidden()).toEqual([signed.envelopeId]);
  expect(readdirSync(join(scratch, "visa-images.releases", release)).sort()).toEqual(RELEASE_FILES);
  expect(plan(synthesize({ specification: first }))).toContain("No changes.");
});

describe("with the public key alone, on a machine that built nothing", () => {
  const kept = () => RELEASE_FILES.map((name) => join(scratch, "visa-images.releases", releaseOf(first).release, name));

  test("it is trusted from its id, its files are those that were signed, and so is what Glance sends", () => {
    const { status, text } = signed.verify("--download", "--files", ...kept());
    expect([status, text]).toEqual([
      0,
      expect.stringContaining(`trusted: the image ${signed.image.id} "visa-apps" is`),
    ]);
    expect(text).toMatch(/commit c0ffee\n/);
  });

  test.each(RELEASE_FILES)("fails for another %s", (name) => {
    const [file = ""] = kept().filter((each) => each.endsWith(name));
    const changed = join(signed.elsewhere, name);
    writeFileSync(changed, readFileSync(file, "utf8").replace("{", "{ "));
    const { status, text } = signed.verify("--files", changed);
    expect([status, text]).toEqual([4, expect.stringMatching(/is not what was signed: its SHA-256 is .*… was signed/)]);
  });

  test("fails for a property that was changed", async () => {
    await signed.glance.update(signed.image.id, { visa_commit: "decade" });
    const { status, text } = signed.verify();
    await signed.glance.update(signed.image.id, { visa_commit: "c0ffee" });
    expect([status, text]).toEqual([
      4,
      expect.stringContaining('says "decade" as its visa_commit; "c0ffee" was signed'),
    ]);
  });

  test("fails for a provenance that was changed, and for one that is gone", async () => {
    await signed.forge((statement) => statement.replace("c0ffee", "decade"));
    const forged = signed.verify();
    await signed.glance.delete(signed.envelopeId);
    const gone = signed.verify();
    await signed.restore();
    expect([forged.status, gone.status, signed.verify().status]).toEqual([4, 4, 0]);
    expect(forged.text).toMatch(/the signature in the provenance of the image ".*" does not hold/);
    expect(gone.text).toContain("is gone");
  });

  test("fails for an image of other bytes that says of itself what this one does", async () => {
    const id = await signed.imitate("other bytes");
    const { status, text } = signed.verifyImage(id);
    await signed.glance.delete(id);
    expect([status, text]).toEqual([4, expect.stringContaining("is not what was signed: Glance has its sha512")]);
  });

  test("fails for a release that was revoked, which is hidden, marked, and refused by the next synth", async () => {
    const { release } = releaseOf(first);
    expect(visaImage("revoke", release, "--reason", "its key leaked").text).toContain("is revoked, with 1 images");
    expect(visible()).toEqual([]);
    const marked = await signed.glance.image(signed.image.id);
    expect(marked?.visa_revoked).toMatch(/^\d{4}-\d\d-\d\d its key leaked$/);
    expect(signed.verify()).toMatchObject({ status: 4, text: expect.stringContaining("its key leaked") });
    expect(() => synthesize({ specification: first })).toThrow(/which was revoked on .*: its key leaked/);
    expect(visaImage("revoke", release, "--undo").status).toBe(0);
    expect([visible(), signed.verify().status]).toEqual([ids(first), 0]);
  });

  // What comes after counts images.
  afterAll(() => signed.unsign());
});

describe("a rollback", () => {
  let before: string;

  beforeAll(() => {
    apply(synthesize({ specification: second }));
    expect(visible()).toEqual(ids(second));
    before = work();
  });

  test("is one line, which the plan shows, and neither builds, verifies nor uploads", () => {
    const { release } = releaseOf(first);
    // By now the templates say something else again.
    const terraform = synthesize({ specification: third, release });
    const text = plan(terraform);
    expect(text).toMatch(new RegExp(`release += "${releaseOf(second).release}" -> "${release}"`));
    expect(text).toContain("1 to add, 2 to change, 1 to destroy");
    expect(text).not.toMatch(/# terraform_data\.\S*(layer_|_verified)/);
    const applied = apply(terraform);
    expect(applied.indexOf(`visa-apps_${release}: Modifications complete`)).toBeLessThan(
      applied.indexOf(`visa-apps_${releaseOf(second).release}: Modifying`),
    );
    expect([visible(), hidden()]).toEqual([ids(first), ids(second)]);
    expect(work()).toBe(before);
    expect(releases().map((each) => each.imageId)).toEqual([...ids(second), ...ids(first)]);
    expect(plan(synthesize({ specification: third, release }))).toContain("No changes.");
  });

  test("is what other stacks get, by a look-up and by a reference", () => {
    const { imageId, fingerprint } = releaseOf(first);
    const servers = new TerraformFolder(join(out, "stacks", "servers"), cloudEnvironment);
    apply(servers);
    const outputs = JSON.parse(servers.run("output", "-json"));
    expect(outputs.found.value).toBe(`${imageId} ${fingerprint}`);
    expect(outputs.referred.value).toBe(imageId);
  });

  test("forward again goes the same way", () => {
    const terraform = synthesize({ specification: second });
    expect(plan(terraform)).toContain("1 to add, 2 to change, 1 to destroy");
    apply(terraform);
    expect([visible(), hidden()]).toEqual([ids(second), ids(first)]);
    expect(work()).toBe(before);
  });

  test("is followed by a release that hides what was in use, not what was newest", () => {
    apply(synthesize({ specification: second, release: releaseOf(first).release }));
    apply(synthesize({ specification: third }));
    expect(work()).not.toBe(before);
    expect([visible(), hidden()]).toEqual([ids(third), ids(first, second)]);
    const state = synthesize({ specification: third }).run("state", "list");
    expect(state).toContain(`openstack_images_image_v2.visa-apps_${releaseOf(first).release}`);
    expect(state).not.toContain(releaseOf(second).release);
  });

  test("to a release that Terraform has forgotten imports it", () => {
    const { release } = releaseOf(second);
    const terraform = synthesize({ specification: third, release });
    expect(plan(terraform)).toContain("1 to import, 2 to add, 2 to change, 1 to destroy");
    const now = work();
    apply(terraform);
    expect([visible(), hidden()]).toEqual([ids(second), ids(first, third)]);
    expect(work()).toBe(now);
    expect(plan(synthesize({ specification: third, release }))).toContain("No changes.");
  });
});

describe("a lock", () => {
  const everything = () => [...visible(), ...hidden()].sort();

  test("that is missing costs no image, the message says what to do, and it is made anew", () => {
    const before = readLock(lockFile);
    const all = everything();
    // Glance does not protect the one that Terraform would delete now.
    openstack("image", "set", "--unprotected", ...ids(second));
    rmSync(lockFile);
    const terraform = synthesize({ specification: third });
    terraform.try("apply", "-auto-approve", ...OPTIONS);
    const failed = terraform.try("apply", "-auto-approve", ...OPTIONS);
    expect(failed.status).toBe(1);
    expect(failed.text.replaceAll(/\s+/g, " ")).toContain("run 'npx visa-image lock sync' and deploy again");
    expect(everything()).toEqual(all);

    expect(visaImage("lock", "sync")).toMatchObject({
      status: 0,
      text: expect.stringContaining("3 releases, changed"),
    });
    const after = readLock(lockFile);
    const sorted = (lock: typeof before) =>
      [...(lock.images[IMAGE] ?? [])].sort((a, b) => (a.release < b.release ? -1 : 1));
    expect(sorted(after)).toEqual(sorted(before));
    apply(synthesize({ specification: third }));
    expect([visible(), everything()]).toEqual([ids(third), all]);
    expect(plan(synthesize({ specification: third }))).toContain("No changes.");
  });

  test("that is one release old costs no image, the message says what to do, and it is made anew", () => {
    const old = readFileSync(lockFile, "utf8");
    apply(synthesize({ specification: fourth }));
    const all = everything();
    const [inUse] = ids(fourth);
    writeFileSync(lockFile, old);
    const fifth = chain({ script: "555555555555 0755" });
    const failed = synthesize({ specification: fifth }).try("apply", "-auto-approve", ...OPTIONS);
    expect(failed.status).toBe(1);
    expect(failed.text.replaceAll(/\s+/g, " ")).toContain("run 'npx visa-image lock sync' and deploy again");
    expect(everything()).toEqual(all);
    expect(visaImage("lock", "sync", IMAGE).status).toBe(0);
    apply(synthesize({ specification: fifth }));
    expect(visible()).toEqual(ids(fifth));
    expect(hidden()).toContain(inUse);
    expect(releases().map((each) => each.imageId)).toContain(inUse);
  });

  test("that was edited by hand is refused before anything happens, and is made anew", () => {
    const fifth = chain({ script: "555555555555 0755" });
    const text = readFileSync(lockFile, "utf8");
    const past = releases().at(-2) as Release;
    writeFileSync(lockFile, text.replace(past.release, "0123456789ab"));
    const failed = synthesize({ specification: fifth }).try("apply", "-auto-approve", ...OPTIONS);
    expect(failed.status).toBe(1);
    const message = failed.text.replaceAll(/\s+/g, " ");
    expect(message).toContain(`the image ${past.imageId} is not the release 0123456789ab of ${IMAGE}`);
    expect(message).toContain("run 'npx visa-image lock sync' and deploy again");
    expect(visaImage("lock", "sync", "--dry-run").text).toContain(`the lock lacks release ${past.release}`);
    expect(readFileSync(lockFile, "utf8")).not.toBe(text);
    visaImage("lock", "sync");
    expect(plan(synthesize({ specification: fifth }))).toContain("No changes.");
  });
});

test("an image that was uploaded by hand is imported, is in use where it is asked for, and is hidden after", () => {
  const fifth = chain({ script: "555555555555 0755" });
  const disk = join(scratch, "hand-made.raw");
  writeFileSync(disk, "by hand".repeat(1000));
  const made = ["--disk-format", "raw", "--file", disk, "--property", "hw_disk_bus=scsi", "--min-disk", "10"];
  const id = openstack("image", "create", "VISA by hand", ...made, "-f", "value", "-c", "id").trim();
  const { text } = visaImage("lock", "adopt", IMAGE, id);
  const [, release = ""] = /release: "([0-9a-f]{12})"/.exec(text) ?? [];

  const before = work();
  const terraform = synthesize({ specification: fifth, release });
  expect(plan(terraform)).toContain("1 to import, 2 to add, 1 to change, 1 to destroy");
  apply(terraform);
  expect(visible()).toEqual([id]);
  expect(work()).toBe(before);
  const shown = JSON.parse(openstack("image", "show", "-f", "json", id));
  expect(shown).toMatchObject({ name: "VISA by hand", protected: true, min_disk: 10 });
  expect(shown.properties).toMatchObject({ hw_disk_bus: "scsi", visa_image: IMAGE, visa_release: release });

  apply(synthesize({ specification: fifth }));
  expect(visible()).toEqual(ids(fifth));
  expect(hidden()).toContain(id);
  expect(work()).toBe(before);
});

test("prune says what it would delete, asks whether servers are there, and deletes what nobody uses", () => {
  const [oldest, ...others] = releases();
  const count = others.length + 1;
  const protectedByHand = others[1] as Release;
  openstack("image", "unset", "--property", "visa_protected_by", protectedByHand.imageId);
  expect(count).toBe(6);
  // With nobody: Glance is asked for whom.
  openstack("image", "set", "--shared", oldest?.imageId ?? "");

  const refused = visaImage("prune");
  expect(refused.status).toBe(1);
  expect(refused.text).toContain("Keystone's catalog has no compute service; nothing was deleted");
  expect(hidden()).toHaveLength(count - 1);

  expect(visaImage("prune", "--dry-run", "--force").text).toContain(`image ${oldest?.imageId}: would be deleted`);
  expect(hidden()).toHaveLength(count - 1);

  const { status, text } = visaImage("prune", "--force");
  expect(status).toBe(0);
  expect(text).toContain(`image ${protectedByHand.imageId}: kept: somebody else protected it`);
  expect(releases().map((each) => each.imageId)).toEqual([
    protectedByHand.imageId,
    // The one that was adopted came last before the one in use.
    ...others.slice(-2).map((each) => each.imageId),
  ]);
  expect([...visible(), ...hidden()].sort()).toEqual(
    releases()
      .map((each) => each.imageId)
      .sort(),
  );
  expect(plan(synthesize({ specification: chain({ script: "555555555555 0755" }) }))).toContain("No changes.");
});
