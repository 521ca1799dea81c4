import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspectTokenKey, readPamPublicKey } from "../../lib/template/pam-public-key";
import { makeTokenKeyPair } from "../../lib/verify/token";
import { scratchFolder } from "../support/scratch";

describe("a look at a key", () => {
  it("knows xrdp's limit: 1408 bits for names of up to 7 characters", () => {
    const report = inspectTokenKey(makeTokenKeyPair({ bits: 1408 }).publicKey);
    expect(report.longestUser).toBe(7);
    expect(report.fitsMetadata).toBe(false);
    expect(report.warnings.join()).toMatch(/up to 7 characters/);
  });

  it("warns of 512 bits", () => {
    expect(inspectTokenKey(makeTokenKeyPair({ bits: 512 }).publicKey).warnings.join()).toMatch(/can be factored/);
  });

  const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).publicKey.export({ type: "spki", format: "pem" });
  const { publicKey, privateKey } = makeTokenKeyPair();
  it.each([
    ["2048 bits", makeTokenKeyPair({ bits: 2048 }).publicKey, /longer than xrdp's 255/],
    ["an EC key", ec.toString(), /of type "ec", expected rsa/],
    ["a private key", privateKey, /not PEM that begins/],
    ["a key that lost its line breaks", publicKey.replace(/\n/g, " "), /lost its line breaks/],
    ["half a key", publicKey.slice(0, 120), /not one whole key/],
    ["garbled base64", publicKey.replace(/\n.{20}/, `\n${"A".repeat(20)}`), /can't be read|of type/],
    ["nothing", "", /not PEM/],
    ["a comment before it", `# VISA\n${publicKey}`, /not PEM that begins/],
  ])("fails for %s", (_name, pem, problem) => {
    expect(inspectTokenKey(pem).problems.join()).toMatch(problem);
  });

  it("is the same at synth: what the gate refuses is no key of an image", () => {
    const file = join(scratchFolder(), "key.pem");
    for (const pem of [
      `# VISA\n${publicKey}`,
      makeTokenKeyPair({ bits: 2048 }).publicKey,
      ec.toString(),
      "",
      privateKey,
    ]) {
      writeFileSync(file, pem);
      expect(() => readPamPublicKey(file)).toThrow(/key\.pem: .*\n {2}fix: /);
    }
    writeFileSync(file, publicKey.replaceAll("\n", "\r\n"));
    expect(readPamPublicKey(file)).toEqual({ pem: publicKey, bits: 896, warnings: [] });
  });
});
