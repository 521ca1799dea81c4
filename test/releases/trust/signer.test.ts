import { execFileSync } from "node:child_process";
import { verify } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { publicKeys } from "../../../lib/releases/trust/dsse";
import { signerFrom } from "../../../lib/releases/trust/signer";
import { scratchFolder } from "../../support/scratch";
import { type KeyPair, makeKeys } from "./support";

const MESSAGE = Buffer.from("DSSEv1 what is signed");
let keys: KeyPair;
let folder: string;
beforeAll(() => {
  keys = makeKeys();
  folder = scratchFolder();
});

const holds = (signature: Buffer | undefined, by = keys, hash = "sha256") => {
  const [key] = publicKeys(readFileSync(by.public, "utf8"), "key");
  return verify(hash, MESSAGE, { key: key as never, dsaEncoding: "der" }, signature as Buffer);
};
const byCommand = (command: string) =>
  signerFrom({ PATH: process.env.PATH, VISA_SIGNING_COMMAND: command, VISA_SIGNING_PUBLIC_KEY_FILE: keys.public });

test("nobody signs where neither a key nor a command is named", () => {
  expect(signerFrom({})).toBeUndefined();
  expect(signerFrom({ VISA_SIGNING_KEY_FILE: "", VISA_SIGNING_COMMAND: "" })).toBeUndefined();
});

test("a key in a file signs, also one that is encrypted", async () => {
  expect(holds(await signerFrom({ VISA_SIGNING_KEY_FILE: keys.secret })?.sign(MESSAGE))).toBe(true);
  const [locked, passphrase] = [join(folder, "locked.pem"), join(folder, "passphrase")];
  writeFileSync(passphrase, "open sesame\n");
  const to = ["-aes256", "-passout", `file:${passphrase}`, "-out", locked];
  execFileSync("openssl", ["pkey", "-in", keys.secret, ...to], { stdio: "pipe" });
  const environment = { VISA_SIGNING_KEY_FILE: locked, VISA_SIGNING_PASSPHRASE_FILE: passphrase };
  expect(holds(await signerFrom(environment)?.sign(MESSAGE))).toBe(true);
  expect(() => signerFrom({ VISA_SIGNING_KEY_FILE: locked })).toThrow(/cannot be read.*\n {2}fix: .*PASSPHRASE_FILE/);
});

test.each([
  ["of its standard input, as DER", () => `openssl dgst -sha256 -sign ${keys.secret}`],
  ["in base64", () => `openssl dgst -sha256 -sign ${keys.secret} | base64`],
  [
    "of the digest, as a token that sees no more",
    () => `printf %s "$VISA_SIGNING_SHA256" | xxd -r -p | openssl pkeyutl -sign -inkey ${keys.secret}`,
  ],
  [
    "as r and s, as PKCS#11 has it",
    () =>
      `node -e 'const c=require("crypto"),f=require("fs");process.stdout.write(c.sign("sha256",f.readFileSync(0),{key:f.readFileSync("${keys.secret}"),dsaEncoding:"ieee-p1363"}))'`,
  ],
])("a command signs: %s", async (_, command) => {
  // Whatever its numbers begin with.
  for (let times = 0; times < 3; times++) expect(holds(await byCommand(command())?.sign(MESSAGE))).toBe(true);
});

test("a key of P-384 signs over SHA-384, in a file and by a command", async () => {
  const larger = makeKeys("P-384");
  expect(holds(await signerFrom({ VISA_SIGNING_KEY_FILE: larger.secret })?.sign(MESSAGE), larger, "sha384")).toBe(true);
  const command = `printf %s "$VISA_SIGNING_SHA384" | xxd -r -p | openssl pkeyutl -sign -inkey ${larger.secret}`;
  const environment = { VISA_SIGNING_COMMAND: command, VISA_SIGNING_PUBLIC_KEY_FILE: larger.public };
  const signed = await signerFrom({ PATH: process.env.PATH, ...environment })?.sign(MESSAGE);
  expect(holds(signed, larger, "sha384")).toBe(true);
});

test("r and s that begin with zeros or a high bit are DER that openssl takes", async () => {
  const { createPrivateKey, sign } = require("node:crypto") as typeof import("node:crypto");
  const key = createPrivateKey(readFileSync(keys.secret));
  const raw = join(folder, "raw");
  const seen = new Set<string>();
  for (let times = 0; times < 2000 && seen.size < 3; times++) {
    const signature = sign("sha256", MESSAGE, { key, dsaEncoding: "ieee-p1363" });
    const [first = 0] = signature;
    const kind = first === 0 ? "zero" : first & 0x80 ? "high" : "low";
    if (seen.has(kind)) continue;
    seen.add(kind);
    writeFileSync(raw, signature);
    expect(holds(await byCommand(`cat ${raw}`)?.sign(MESSAGE))).toBe(true);
  }
  expect(seen.size).toBe(3);
});

test.each([
  ["ends with another code", "exit 3", /did not sign: it ended with 3/],
  ["prints nothing", "true", /printed 0 bytes that are no signature by the key of/],
  ["signs something else", "echo other | openssl dgst -sha256 -sign KEY", /are no signature by the key/],
  ["prints without end", "yes", /printed more than 4096 bytes/],
])("fails where the command %s", async (_, command, message) => {
  const signing = byCommand(command.replace("KEY", keys.secret))?.sign(MESSAGE);
  await expect(signing).rejects.toThrow(message);
});

test("fails for a call that is wrong, with exit code 2 and without a word of the key", () => {
  const wrong = (environment: Record<string, string>) => {
    try {
      signerFrom(environment);
    } catch (error) {
      return error as Error & { exitCode: number };
    }
    throw new Error("taken");
  };
  const cut = join(folder, "cut.pem");
  const pem = readFileSync(keys.secret, "utf8");
  writeFileSync(cut, pem.replace(/.{20}\n-----END/, "\n-----END"));
  const errors = [
    wrong({ VISA_SIGNING_COMMAND: "true" }),
    wrong({ VISA_SIGNING_COMMAND: "true", VISA_SIGNING_KEY_FILE: keys.secret }),
    wrong({ VISA_SIGNING_KEY_FILE: join(folder, "none") }),
    wrong({ VISA_SIGNING_KEY_FILE: cut }),
    wrong({ VISA_SIGNING_KEY_FILE: keys.public }),
  ];
  expect(errors.map(({ message }) => message.split("\n")[0])).toEqual([
    "VISA_SIGNING_COMMAND needs the public key of what it signs with",
    "VISA_SIGNING_KEY_FILE does not go with VISA_SIGNING_COMMAND",
    expect.stringMatching(/^cannot read ".*none" \(ENOENT\), which VISA_SIGNING_KEY_FILE names$/),
    expect.stringMatching(/^the signing key ".*cut.pem" cannot be read \(/),
    expect.stringMatching(/^the signing key ".*signing.pub" cannot be read \(/),
  ]);
  for (const { exitCode, stack = "" } of errors) {
    expect(exitCode).toBe(2);
    for (const line of pem.split("\n").filter((each) => each.length > 30)) expect(stack).not.toContain(line);
  }
});
