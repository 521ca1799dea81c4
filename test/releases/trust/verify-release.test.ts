/** `visa-image verify-release`, as a person on another machine runs it: with the public key, and nothing of the build. */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Glance } from "../../../lib/cloud/glance";
import { credentialsFrom } from "../../../lib/cloud/keystone";
import { preAuthEncoding } from "../../../lib/releases/trust/dsse";
import { signOptions, signRelease } from "../../../lib/releases/trust/sign-release";
import { runCommand } from "../../cli/run-command";
import { scratchFolder } from "../../support/scratch";
import { CloudStandIn, type StandInImage } from "../cloud-stand-in";
import { builtAndVerified, digestOf, FINGERPRINT, IMAGE, type KeyPair, makeKeys, registered } from "./support";

const cloud = new CloudStandIn();
let keys: KeyPair;
let image: StandInImage;
let build: string;
let folder: string;

beforeAll(async () => {
  keys = makeKeys();
  await cloud.start();
  build = await builtAndVerified();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  cloud.images.clear();
  folder = scratchFolder();
  image = registered(cloud);
  cloud.data.set(IMAGE, "disk");
  const environment = { ...cloud.environment, VISA_IMAGE_CACHE: build, VISA_SIGNING_KEY_FILE: keys.secret };
  const glance = await Glance.connect(credentialsFrom(environment));
  await signRelease(glance, image as never, { ...signOptions(image as never), environment });
});

const verify = (...args: string[]) =>
  runCommand(["verify-release", "--key", keys.public, ...args], folder, {
    ...cloud.environment,
    PATH: process.env.PATH,
  });

test("says who signed what and when, from the image's id, its name or its release alone", async () => {
  const { status, stdout, stderr } = await verify(IMAGE);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(
    new RegExp(
      [
        `^trusted: the image ${IMAGE} "VISA desktop" is what was signed`,
        "  who    key [0-9a-f]{16}…, builder urn:visa-image:host:\\S+",
        "  what   visa-apps, release 000000000000, fingerprint abababababab…, sha512 [0-9a-f]{12}…",
        "  when   built from 2026-11-23T00:00:00.000Z to 2026-11-23T00:10:00.000Z",
        "  from   commit c0ffee, modified",
        "  on     layer visa-base",
        "  with   cdktf-visa-images 0.1.0, packer 1.6.6",
        "  files  manifest.json [0-9a-f]{12}…, disk.qcow2 [0-9a-f]{12}…\n$",
      ].join("\n"),
    ),
  );
  expect((await verify("VISA desktop")).stdout).toBe(stdout);
  expect((await verify("000000000000")).stdout).toBe(stdout);
});

test("openssl comes to the same from what --save and --json give", async () => {
  const saved = join(folder, "envelope.json");
  const { stdout } = await verify(IMAGE, "--save", saved, "--json");
  const { payload, payloadType, signatures } = JSON.parse(readFileSync(saved, "utf8"));
  const [message, signature] = [join(folder, "pae"), join(folder, "sig")];
  writeFileSync(message, preAuthEncoding(payloadType, Buffer.from(payload, "base64")));
  writeFileSync(signature, Buffer.from(signatures[0].sig, "base64"));
  const args = ["dgst", "-sha256", "-verify", keys.public, "-signature", signature, message];
  expect(execFileSync("openssl", args, { encoding: "utf8" })).toBe("Verified OK\n");
  const { keyId, statement } = JSON.parse(stdout);
  expect(statement).toEqual(JSON.parse(Buffer.from(payload, "base64").toString()));
  expect(keyId).toBe(signatures[0].keyid);
});

/** Replaces what the envelope says, and the digest of it that everybody who may do so may replace too. */
function forge(change: (envelope: { payload: string; signatures: { sig: string }[] }) => object): void {
  const id = String(image.visa_provenance);
  const text = JSON.stringify(change(JSON.parse(cloud.data.get(id) ?? "")));
  cloud.data.set(id, text);
  image.visa_provenance_sha256 = digestOf("sha256", text);
}

const otherPayload = (payload: string) =>
  Buffer.from(Buffer.from(payload, "base64").toString().replace("c0ffee", "decade")).toString("base64");

test.each<[string, () => void, RegExp]>([
  [
    "an image with other bytes",
    () => Object.assign(image, { os_hash_value: digestOf("sha512", "other") }),
    /is not what was signed: Glance has its sha512 as/,
  ],
  [
    "a snapshot of a server",
    () => Object.assign(image, { os_hash_value: digestOf("sha512", "other"), image_type: "snapshot" }),
    /not what was signed: .* It is a snapshot of an instance/,
  ],
  [
    "another manifest than was signed",
    () => Object.assign(image, { visa_manifest_sha256: digestOf("sha256", "other") }),
    /says ".*" as its visa_manifest_sha256; ".*" was signed/,
  ],
  [
    "another commit",
    () => Object.assign(image, { visa_commit: "decade" }),
    /as its visa_commit; "c0ffee, modified" was/,
  ],
  [
    "an image that was revoked",
    () => Object.assign(image, { visa_revoked: "2026-11-28 its key leaked" }),
    /was revoked: 2026-11-28 its key leaked\n {2}fix: use another release/,
  ],
  ["a statement that was changed", () => forge((e) => ({ ...e, payload: otherPayload(e.payload) })), /does not hold/],
  [
    "a signature that was changed",
    () => forge((e) => ({ ...e, signatures: [{ ...e.signatures[0], sig: "MEUCIQ==" }] })),
    /the signature in the provenance of the image ".*" does not hold/,
  ],
  [
    "an envelope that was changed, and its digest not",
    () => void cloud.data.set(String(image.visa_provenance), "{}"),
    /the signed provenance of the image ".*" was changed: its SHA-256 is/,
  ],
  [
    "an envelope that is gone",
    () => void cloud.images.delete(String(image.visa_provenance)),
    /is gone: it was the image/,
  ],
  ["an image that nobody signed", () => void delete image.visa_provenance, /is not signed\n {2}fix: sign it on the/],
])("fails for %s", async (_, tamper, message) => {
  tamper();
  const { status, stdout, stderr } = await verify(IMAGE);
  expect([status, stdout]).toEqual([4, ""]);
  expect(stderr).toMatch(message);
});

test("fails for another key", async () => {
  const { status, stderr } = await verify(IMAGE, "--key", makeKeys().public);
  expect(status).toBe(4);
  expect(stderr).toMatch(/is signed by another key, [0-9a-f]{64}, not by [0-9a-f]{64}\n {2}fix: give the public key/);
});

test("files of the build are those that were signed, or refused", async () => {
  const manifest = join(folder, "manifest.json");
  cpSync(join(build, "artifacts", FINGERPRINT, "manifest.json"), manifest);
  expect((await verify(IMAGE, "--files", manifest)).status).toBe(0);
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace("77b2", "77b3"));
  const { status, stderr } = await verify(IMAGE, "--files", manifest);
  expect(status).toBe(4);
  expect(stderr).toMatch(
    /manifest.json" is not what was signed: its SHA-256 is [0-9a-f]{12}…, [0-9a-f]{12}… was signed/,
  );
});

test("bytes are read where that is asked for, and refused where they are others than Glance says", async () => {
  expect((await verify(IMAGE, "--download")).status).toBe(0);
  cloud.data.set(IMAGE, "dusk");
  expect((await verify(IMAGE)).status).toBe(0);
  const { status, stderr } = await verify(IMAGE, "--download");
  expect(status).toBe(4);
  expect(stderr).toMatch(/what Glance sent of the image ".*" is not what was signed/);
});

test("fails for a call that is wrong", async () => {
  registered(cloud, { id: "5f0e9b7c-0000-4000-8000-000000000002" });
  const run = async (...args: string[]) => {
    const { status, stderr } = await runCommand(["verify-release", ...args], folder, cloud.environment);
    return `${status} ${stderr.split("\n")[0]}`;
  };
  expect(await run(IMAGE)).toBe("2 visa-image: whom you trust is missing");
  expect(await run(IMAGE, "--key", "none")).toMatch(/^2 visa-image: cannot read "none" \(ENOENT\)/);
  expect(await run("VISA desktop", "--key", keys.public)).toBe('2 visa-image: "VISA desktop" is the name of 2 images');
  expect(await run("other", "--key", keys.public)).toBe('2 visa-image: Glance has no image "other"');
});
