import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glance } from "../../../lib/cloud/glance";
import { credentialsFrom } from "../../../lib/cloud/keystone";
import { addRelease } from "../../../lib/releases/command";
import type { Envelope } from "../../../lib/releases/trust/dsse";
import { signOptions, signRelease } from "../../../lib/releases/trust/sign-release";
import { scratchFolder } from "../../support/scratch";
import { CloudStandIn, type StandInImage } from "../cloud-stand-in";
import { BASE, builtAndVerified, digestOf, FINGERPRINT, IMAGE, type KeyPair, makeKeys, registered } from "./support";

const cloud = new CloudStandIn();
let keys: KeyPair;
let image: StandInImage;
let environment: Record<string, string>;

beforeAll(async () => {
  keys = makeKeys();
  await cloud.start();
});
afterAll(() => cloud.stop());
beforeEach(async () => {
  cloud.images.clear();
  cloud.changes.length = 0;
  image = registered(cloud);
  const own = { VISA_IMAGE_CACHE: await builtAndVerified(), VISA_SIGNING_KEY_FILE: keys.secret };
  environment = { ...cloud.environment, ...own, VISA_BUILDER_ID: "https://ci.example.org/images" };
});

async function sign(): Promise<string> {
  const glance = await Glance.connect(credentialsFrom(environment));
  return signRelease(glance, image as never, { ...signOptions(image as never), environment });
}

const kept = () => cloud.data.get(String(image.visa_provenance)) ?? "";

test("a statement says who, what, from what and when, and stands in a hidden image beside", async () => {
  expect(await sign()).toBe("signed");
  const { payload } = JSON.parse(kept()) as Envelope;
  const manifest = readFileSync(join(environment.VISA_IMAGE_CACHE ?? "", "artifacts", FINGERPRINT, "manifest.json"));
  const digest = { sha256: digestOf("sha256", manifest) };
  expect(JSON.parse(Buffer.from(payload, "base64").toString())).toEqual({
    _type: "https://in-toto.io/Statement/v1",
    subject: [
      {
        name: "VISA desktop",
        digest: { sha512: digestOf("sha512", "disk") },
        annotations: {
          ...{ visa_fingerprint: FINGERPRINT, visa_template: "visa-apps", visa_release: "0".repeat(12) },
          ...{ visa_commit: "c0ffee, modified", visa_manifest_sha256: digest.sha256 },
          visa_parents: BASE.slice(0, 12),
        },
      },
    ],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "urn:cdktf-visa-images:build:v1",
        externalParameters: { template: "visa-apps", inputs: { "scripts/apps.sh": "77b2 0755" } },
        internalParameters: { fingerprint: FINGERPRINT, release: "0".repeat(12), image: "images/visa-apps" },
        resolvedDependencies: [
          { name: "source", digest: { gitCommit: "c0ffee" }, annotations: { modified: true } },
          { name: "layer visa-base", digest: { sha256: digestOf("sha256", BASE) }, annotations: { fingerprint: BASE } },
        ],
      },
      runDetails: {
        builder: {
          id: "https://ci.example.org/images",
          version: { "cdktf-visa-images": "0.1.0", packer: "1.6.6" },
        },
        metadata: { startedOn: "2026-11-23T00:00:00.000Z", finishedOn: "2026-11-23T00:10:00.000Z" },
        byproducts: [
          { name: "manifest.json", digest },
          { name: "disk.qcow2", digest: { sha256: digestOf("sha256", FINGERPRINT) } },
        ],
      },
    },
  });
  expect(image.visa_provenance_sha256).toBe(digestOf("sha256", kept()));
  expect(cloud.images.get(String(image.visa_provenance))).toMatchObject({
    ...{ os_hidden: true, status: "active", visibility: "private", disk_format: "raw", protected: false },
    ...{ name: "VISA desktop (provenance)", visa_provenance_of: IMAGE },
  });
});

test("what is signed already stays; another key's takes its place, and the one before is gone", async () => {
  await sign();
  const { visa_provenance: first } = image;
  cloud.changes.length = 0;
  expect(await sign()).toBe("signed already");
  expect(cloud.changes).toEqual([]);
  environment.VISA_SIGNING_KEY_FILE = makeKeys().secret;
  expect(await sign()).toBe("signed");
  expect(image.visa_provenance).not.toBe(first);
  expect([...cloud.images.keys()].sort()).toEqual([String(image.visa_provenance), IMAGE].sort());
});

test("an image that somebody else wrote into the property is not deleted", async () => {
  const other = registered(cloud, { id: "other" });
  image.visa_provenance = "other";
  expect(await sign()).toBe("signed");
  expect(cloud.images.get("other")).toBe(other);
});

test("nothing of it is there without a key", async () => {
  delete environment.VISA_SIGNING_KEY_FILE;
  expect(await sign()).toBe("no key");
  expect(cloud.changes).toEqual([]);
});

test("fails for bytes that were not made here, and without the artifact", async () => {
  image.os_hash_value = digestOf("sha512", "other");
  await expect(sign()).rejects.toThrow(/cannot be signed: this machine has not the flattened disk of abab/);
  environment.VISA_IMAGE_CACHE = scratchFolder();
  await expect(sign()).rejects.toThrow(/cannot be signed: the cache of this machine does not have abab/);
  image.os_hash_algo = "sha256";
  environment.VISA_IMAGE_CACHE = await builtAndVerified();
  await expect(sign()).rejects.toThrow(/Glance has no SHA-512/);
  expect(cloud.changes).toEqual([]);
  image.image_type = "snapshot";
  expect(() => signOptions(image as never)).toThrow(/is no release of this package/);
});

describe("a registration", () => {
  const register = (file: string) =>
    addRelease({
      ...{ file, image: "images/visa-apps", release: "0".repeat(12), fingerprint: FINGERPRINT, template: "visa-apps" },
      ...{ imageId: IMAGE, protected: true, visible: true, environment },
    });

  test("signs before it shows", async () => {
    image.os_hidden = true;
    await register(join(scratchFolder(), "lock.json"));
    const order = cloud.changes.map((each) => /visa_provenance"|os_hidden","value":false|POST/.exec(each)?.[0]);
    expect(order.filter(Boolean)).toEqual(["POST", 'visa_provenance"', 'os_hidden","value":false']);
  });

  test("fails where it cannot sign, and shows nothing; what the lock has is shown with a warning", async () => {
    image.os_hidden = true;
    const file = join(scratchFolder(), "lock.json");
    const { VISA_SIGNING_KEY_FILE: key = "" } = environment;
    environment.VISA_SIGNING_KEY_FILE = "/none";
    await expect(register(file)).rejects.toThrow(/cannot read "\/none"/);
    expect(image.os_hidden).toBe(true);
    environment.VISA_SIGNING_KEY_FILE = key;
    await register(file);
    environment.VISA_SIGNING_KEY_FILE = "/none";
    const said = jest.spyOn(process.stderr, "write").mockReturnValue(true);
    try {
      await register(file);
      expect(said.mock.calls.join("")).toMatch(/^warning: cannot read "\/none"/);
    } finally {
      said.mockRestore();
    }
  });
});
