/** Releases on their real parts but for the build itself: Terraform, the provider, Keystone, Glance, `visa-image lock`. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import { type Release, readLock } from "../../lib/releases/release-lock";
import { addImage, chain } from "../constructs/support";
import { makeKeys } from "../releases/trust/support";
import { KeyManager } from "./key-manager";
import { cloudEnvironmentOf, TerraformFolder, useStandIn } from "./terraform-support";

jest.setTimeout(240_000);

const scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
const cloud = new EmbeddedCloud(join(scratch, "cloud"));
const cloudEnvironment = cloudEnvironmentOf(join(scratch, "cloud"));
const lockFile = join(scratch, "visa-images.lock.json");
const folder = join(scratch, "out", "stacks", "images");
const first = chain();
const second = chain({ script: "222222222222 0755" });
const third = chain({ script: "333333333333 0755" });
const fourth = chain({ script: "444444444444 0755" });
const fifth = chain({ script: "555555555555 0755" });

beforeAll(() => cloud.start());
afterAll(async () => {
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

/** Synthesizes the stack anew into the same folder, as a change of the code would. */
function synthesize(props: Partial<VisaImageProps>, environment: Record<string, string> = {}): TerraformFolder {
  const app = new App({ outdir: join(scratch, "out") });
  const stack = new TerraformStack(app, "images");
  new LocalBackend(stack, { path: "terraform.tfstate" });
  new OpenstackProvider(stack, "openstack");
  addImage(stack, { lockFile, ...props });
  app.synth();
  useStandIn(folder);
  return new TerraformFolder(folder, { ...cloudEnvironment, ...environment });
}

const OPTIONS = ["-input=false", "-compact-warnings"];
const apply = (terraform: TerraformFolder) => terraform.run("apply", "-auto-approve", ...OPTIONS);

function releases(): readonly Release[] {
  return readLock(lockFile).images["images/visa-apps"] ?? [];
}

function idOf(specification: ReturnType<typeof chain>): string {
  const fingerprint = specification.layers.at(-1)?.fingerprint;
  return releases().find((release) => release.fingerprint === fingerprint)?.imageId ?? "none in the lock";
}

/** Runs what Terraform would run. */
function byHand(name: string, environment: Record<string, string> = {}): void {
  const { status, stderr } = spawnSync("sh", ["-c", commandOf(name)], {
    cwd: folder,
    env: { ...process.env, ...cloudEnvironment, ...environment },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
}

function openstack(...args: string[]): string {
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...cloudEnvironment };
  return execFileSync("openstack", args, { env, encoding: "utf8" });
}

/** What Glance says of an image. */
// biome-ignore lint/suspicious/noExplicitAny: Glance's JSON
function shown(id: string): any {
  return JSON.parse(openstack("image", "show", "-f", "json", id));
}

interface Listed {
  readonly ID: string;
  readonly Status: string;
}

function listed(...options: string[]): Listed[] {
  return JSON.parse(openstack("image", "list", "-f", "json", ...options));
}

function statuses(): string[] {
  return [...listed(), ...listed("--hidden")].map((image) => image.Status);
}

function ids(images: readonly Listed[]): string[] {
  return images.map((image) => image.ID).sort();
}

function builds(): string[] {
  const file = join(folder, "builds.log");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

test("the first deploy builds each layer, registers the image, protects it, and writes the lock", () => {
  apply(synthesize({ specification: first }));
  expect(builds()).toEqual(["system-base", "visa-base", "visa-apps"]);
  expect(shown(idOf(first))).toMatchObject({ status: "active", protected: true, visibility: "private", min_disk: 20 });
  const [release] = releases();
  expect(release?.sha512).toBe(shown(idOf(first)).properties.os_hash_value);
});

test("what is registered has passed the gate", () => {
  expect(readFileSync(join(folder, "verifications.log"), "utf8")).toBe("visa-apps gate\n");
});

test("a second deploy changes nothing, also where the disk is not on this machine", () => {
  rmSync(join(folder, "images"), { recursive: true });
  expect(synthesize({ specification: first }).run("plan", ...OPTIONS)).toContain("No changes.");
});

test("a failed upload does not stand in the way of the next deploy", () => {
  const failed = synthesize({ specification: second }, { VISA_TEST_NO_DISK: "1" }).try(
    "apply",
    "-auto-approve",
    ...OPTIONS,
  );
  expect(failed.status).toBe(1);
  expect(failed.text).toContain("is not on this machine: run 'npx visa-image build --specification");
  expect(ids(listed())).toContain(idOf(first));

  const terraform = synthesize({ specification: second });
  byHand("layer_visa-apps");
  // The gate is in the state, but that disk was not there then: what is registered has passed here.
  const refused = terraform.try("apply", "-auto-approve", ...OPTIONS);
  expect(refused.status).toBe(1);
  expect(refused.text).toContain('no disk of "visa-apps" passed the gate on this machine');
  expect(ids(listed())).toEqual([idOf(first)]);
  byHand("visa-apps_verified");
  apply(terraform);
  expect(statuses()).toEqual(["active", "active"]);
});

test("the release before is hidden once the new one is active, protected and in the lock", () => {
  expect(ids(listed())).toEqual([idOf(second)]);
  expect(ids(listed("--hidden"))).toEqual([idOf(first)]);
  for (const each of [first, second]) expect(shown(idOf(each))).toMatchObject({ status: "active", protected: true });
  expect(synthesize({ specification: second }).run("plan", ...OPTIONS)).toContain("No changes.");
});

test("a release that is older than those kept is forgotten, and stays in Glance", () => {
  const terraform = synthesize({ specification: third });
  const plan = terraform.run("plan", ...OPTIONS, "-out=plan");
  expect(terraform.review("plan")).toMatchObject({
    ...{ verdict: "routine", losses: [], others: [], layers: [{ name: "visa-apps", why: "changed" }] },
    images: [
      {
        ...{ image: "images/visa-apps", kind: "new", layers: ["visa-apps"] },
        ...{ hidden: [expect.any(String)], forgotten: [expect.any(String)], protected: [expect.any(String)] },
        upload: { format: "raw", bytesBefore: shown(idOf(second)).size },
      },
    ],
  });
  expect(plan).toMatch(/openstack_images_image_v2\.visa-apps_\w+ will no longer be managed by Terraform/);
  expect(plan).toContain(
    // The build, its verification, the image, its registration, the note that it is in use; the past one hidden; the
    // build, the verification and the note before.
    "5 to add, 1 to change, 3 to destroy",
  );
  const text = apply(terraform);
  expect(text.indexOf(`_registered: Creation complete`)).toBeLessThan(text.indexOf(": Modifications complete"));
  expect(ids(listed())).toEqual([idOf(third)]);
  expect(ids(listed("--hidden"))).toEqual([idOf(first), idOf(second)].sort());
  expect(synthesize({ specification: third }).run("plan", ...OPTIONS)).toContain("No changes.");
});

/**
 * @fault cloud: the verification fails, or is killed
 */
test("an image that does not pass is not uploaded, the one in use stays, and a retry builds nothing", () => {
  const failed = synthesize({ specification: fourth }, { VISA_TEST_FAIL_VERIFY: "1" }).try(
    "apply",
    "-auto-approve",
    ...OPTIONS,
  );
  expect(failed.status).toBe(1);
  expect(failed.text).toContain("the image does not keep VISA's contract");
  expect(ids(listed())).toEqual([idOf(third)]);
  const before = builds();
  const again = synthesize({ specification: fourth }, { VISA_TEST_FAIL_VERIFY: "1" });
  expect(again.run("plan", ...OPTIONS)).toMatch(/visa-apps_verified is tainted, so must be replaced/);
  expect(again.try("apply", "-auto-approve", ...OPTIONS).status).toBe(1);
  expect(builds()).toEqual(before);
});

/**
 * @fault cloud: the image was deleted by hand
 * @then it is uploaded again, visibly; where its disk is not on this machine, the deploy says how to make it
 * @says `… is not on this machine: run 'npx visa-image build …'`
 */
test("an image that was deleted in Glance is uploaded again where its disk is on this machine", () => {
  deleteInGlance(idOf(third));
  const terraform = synthesize({ specification: third });
  terraform.run("plan", ...OPTIONS, "-out=plan");
  expect(terraform.review("plan")).toMatchObject({ losses: [], images: [{ kind: "again", gone: true }] });
  apply(terraform);
  expect(shown(idOf(third))).toMatchObject({ status: "active", protected: true });
});

/**
 * @fault cloud: the image was deleted by hand
 */
test("fails with the command to run where its disk is not, and succeeds after it", () => {
  deleteInGlance(idOf(third));
  rmSync(join(folder, "images"), { recursive: true });
  const terraform = synthesize({ specification: third });
  const failed = terraform.try("apply", "-auto-approve", ...OPTIONS);
  const [, specification] =
    failed.text.replaceAll(/\s+/g, " ").match(/run 'npx visa-image build --specification (\S+)'/) ?? [];
  expect(specification).toBe(
    join(folder, "specifications", `visa-apps-${third.layers[2]?.fingerprint.slice(0, 12)}.json`),
  );

  byHand("layer_visa-apps");
  apply(terraform);
  expect(shown(idOf(third))).toMatchObject({ status: "active", protected: true });
});

/**
 * @fault cloud: Glance protects an image (403)
 * @then `destroy` says how to remove it
 * @says `VISA_PROTECTED=false`
 */
test("destroy says what is protected and how to remove it, and removes what is not", () => {
  const terraform = synthesize({ specification: third });
  const failed = terraform.try("destroy", "-auto-approve", ...OPTIONS);
  expect(failed.status).toBe(1);
  expect(failed.text).toContain("VISA_PROTECTED=false");
  expect(failed.text).toContain("is protected and cannot be deleted");

  const unprotected = synthesize({ specification: third, protected: false });
  apply(unprotected);
  unprotected.run("destroy", "-auto-approve", ...OPTIONS);
  // The forgotten one is nobody's but the operator's.
  expect(statuses()).toEqual(["active"]);
});

describe("with a certificate in Barbican, Glance", () => {
  const keys = makeKeys("P-384");
  let keyManager: KeyManager | undefined;
  let certificate: string;

  beforeAll(async () => {
    // What it names is destroyed by now.
    rmSync(lockFile, { force: true });
    keyManager = await KeyManager.start(join(scratch, "cloud"));
    certificate = await keyManager.keepCertificate(keys.secret);
  });
  afterAll(() => keyManager?.stop());

  const terraform = (environment: Record<string, string> = {}) =>
    synthesize({ specification: fifth, signatureCertificateUuid: certificate }, environment);

  test("refuses a disk that another key has signed, and takes it once the right one has", () => {
    const before = statuses();
    const refused = terraform({ VISA_SIGNING_KEY_FILE: makeKeys("P-384").secret }).try(
      "apply",
      "-auto-approve",
      ...OPTIONS,
    );
    expect(refused.status).toBe(1);
    expect(refused.text).toContain("Signature verification failed");
    expect(statuses().filter((status) => status === "active")).toEqual(before);

    // The build is done: it only signs anew. Without the key for the rest, which would sign an artifact that is not there.
    byHand("layer_visa-apps", { VISA_SIGNING_KEY_FILE: keys.secret });
    apply(terraform());
    const { status, properties } = shown(idOf(fifth));
    expect([status, properties.img_signature_certificate_uuid]).toEqual(["active", certificate]);
  });

  test("refuses other bytes with a signature that is good for these", async () => {
    const glance = await Glance.connect(credentialsFrom({ ...cloudEnvironment }));
    const signed = Object.entries((await glance.image(idOf(fifth))) ?? {}).filter(([name]) => name.startsWith("img_"));
    const upload = glance.createHidden("other", Object.fromEntries(signed) as Record<string, string>, "other bytes");
    await expect(upload).rejects.toThrow(/Glance answered 400 .*Signature verification failed/);
  });
});

/** The command of a layer's build, as Terraform runs it. */
function commandOf(layer: string): string {
  const json = JSON.parse(readFileSync(join(folder, "cdk.tf.json"), "utf8"));
  return json.resource.terraform_data[layer].provisioner[0]["local-exec"].command;
}

function deleteInGlance(id: string): void {
  openstack("image", "set", "--unprotected", id);
  openstack("image", "delete", id);
}
