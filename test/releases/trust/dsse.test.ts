import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Envelope,
  keyId,
  openEnvelope,
  preAuthEncoding,
  publicKeys,
  type Signer,
  signStatement,
} from "../../../lib/releases/trust/dsse";
import { signerFrom } from "../../../lib/releases/trust/signer";
import { scratchFolder } from "../../support/scratch";
import { digestOf, type KeyPair, makeKeys } from "./support";

let keys: KeyPair;
let others: KeyPair;
beforeAll(() => {
  keys = makeKeys();
  others = makeKeys();
});

const trusted = (...pairs: KeyPair[]) => publicKeys(pairs.map((each) => readFileSync(each.public)).join(""), "keys");

const signerOf = ({ secret }: KeyPair) => signerFrom({ VISA_SIGNING_KEY_FILE: secret }) as Signer;

test("frames type and payload as the protocol says", () => {
  // The protocol's own example.
  const encoded = preAuthEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
  expect(encoded.toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
});

// in-toto's own library takes these two, and no other hash with a curve.
test.each([
  ["P-256", "-sha256"],
  ["P-384", "-sha384"],
])("openssl says that the signature of a key of %s holds over %s, and it is opened", async (curve, hash) => {
  const own = makeKeys(curve);
  const envelope = await signStatement({ say: "é" }, signerOf(own));
  const { payload, payloadType, signatures } = envelope;
  const folder = scratchFolder();
  const [message, signature] = [join(folder, "pae"), join(folder, "sig")];
  writeFileSync(message, preAuthEncoding(payloadType, Buffer.from(payload, "base64")));
  writeFileSync(signature, Buffer.from(signatures[0]?.sig ?? "", "base64"));
  const openssl = (key: string) =>
    execFileSync("openssl", ["dgst", hash, "-verify", key, "-signature", signature, message], {
      encoding: "utf8",
      stdio: "pipe",
    });
  expect(openssl(own.public)).toBe("Verified OK\n");
  expect(() => openssl(keys.public)).toThrow(/Command failed/);
  expect(openEnvelope(JSON.stringify(envelope), trusted(keys, own), "it").statement).toEqual({ say: "é" });
});

test("a key is named by the SHA-256 of its DER", () => {
  const der = execFileSync("openssl", ["pkey", "-pubin", "-in", keys.public, "-outform", "DER"]);
  expect(keyId(trusted(keys)[0] as never)).toBe(digestOf("sha256", der));
});

test("opens what one of several keys has signed, and says which", async () => {
  const envelope = await signStatement({ say: 1 }, signerOf(others));
  const opened = openEnvelope(JSON.stringify(envelope), trusted(keys, others), "it");
  expect(opened).toEqual({ statement: { say: 1 }, keyId: envelope.signatures[0]?.keyid });
});

const changed = (change: (envelope: Envelope) => object) => async () => {
  const envelope = await signStatement({ say: 1 }, signerOf(keys));
  return JSON.stringify(change(envelope));
};
const OTHER_PAYLOAD = Buffer.from('{"say":2}').toString("base64");

test.each([
  ["another payload", changed((e) => ({ ...e, payload: OTHER_PAYLOAD })), /the signature in it does not hold/],
  [
    "another signature",
    changed(({ signatures: [first], ...e }) => ({ ...e, signatures: [{ ...first, sig: "AAAA" }] })),
    /the signature in it does not hold/,
  ],
  ["no signature", changed((e) => ({ ...e, signatures: [] })), /signed by another key, none/],
  ["another type", changed((e) => ({ ...e, payloadType: "text/plain" })), /holds "text\/plain", not an in-toto/],
  ["no payload", changed(({ payload: _, ...e }) => e), /is no DSSE envelope: it needs payloadType/],
  ["signatures that are none", changed((e) => ({ ...e, signatures: [null] })), /is no DSSE envelope/],
  ["what is cut off", async () => '{"payload', /is no JSON: it is cut off/],
  ["null", async () => "null", /is no DSSE envelope/],
])("fails for %s", async (_, make, message) => {
  const text = await make();
  const open = () => openEnvelope(text, trusted(keys), "it");
  expect(open).toThrow(message);
  expect(open).toThrow(expect.objectContaining({ exitCode: 4 }));
});

test("fails for the signature of another key, and names both", async () => {
  const text = JSON.stringify(await signStatement({}, signerOf(others)));
  const [own, other] = [trusted(keys), trusted(others)].map(([key]) => keyId(key as never));
  expect(() => openEnvelope(text, trusted(keys), "it")).toThrow(`it is signed by another key, ${other}, not by ${own}`);
});

test("fails for keys of other kinds, and for a private one in the place of the public", () => {
  const rsa = execFileSync("openssl", ["genrsa", "2048"], { stdio: "pipe" });
  const pub = execFileSync("openssl", ["pkey", "-pubout"], { input: rsa, encoding: "utf8" });
  expect(() => publicKeys(pub, "a.pub")).toThrow(
    /"a.pub" has a key of the kind rsa, expected ECDSA P-256\n {2}fix: openssl/,
  );
  expect(() => publicKeys(readFileSync(keys.secret, "utf8"), "a")).toThrow(/no public key in PEM, but a private one/);
  expect(() => publicKeys("-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----", "a")).toThrow(/cannot be read/);
  expect(publicKeys(readFileSync(makeKeys("P-384").public, "utf8"), "a")).toHaveLength(1);
});
