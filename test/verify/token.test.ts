import { generateKeyPairSync, verify } from "node:crypto";
import { inspectTokenKey, makeToken, makeTokenKeyPair, tokenLength } from "../../lib/verify/token";

describe("a key pair for tokens", () => {
  it("fits instance metadata by default", () => {
    const report = inspectTokenKey(makeTokenKeyPair().publicKey);
    expect(report).toEqual({ bits: 896, fitsMetadata: true, longestUser: 32, problems: [], warnings: [] });
  });

  it.each([0, 511, 4097, 896.5, Number.NaN])("fails for %s bits", (bits) => {
    expect(() => makeTokenKeyPair({ bits })).toThrow(/can't have ".*" bits\n {2}fix: choose 768 to 4096/);
  });
});

describe("a token", () => {
  it("is USER,EPOCH;SIGNATURE, signed as OpenSSL checks it", () => {
    const { publicKey, privateKey } = makeTokenKeyPair({ bits: 512 });
    const token = makeToken({ user: "joe", epoch: 1_800_000_000, privateKey });
    const [message, signature] = token.split(";") as [string, string];
    expect(message).toBe("joe,1800000000");
    expect(verify("sha256", Buffer.from(message), publicKey, Buffer.from(signature, "base64"))).toBe(true);
  });

  it("is dated now", () => {
    const { privateKey } = makeTokenKeyPair({ bits: 512 });
    const epoch = Number(/,(\d+);/.exec(makeToken({ user: "joe", privateKey }))?.[1]);
    expect(Math.abs(epoch - Date.now() / 1000)).toBeLessThan(5);
  });

  it.each([512, 896, 1280, 1408])("has the length that is foretold, with %i bits", (bits) => {
    const { privateKey } = makeTokenKeyPair({ bits });
    expect(makeToken({ user: "joe", privateKey })).toHaveLength(tokenLength("joe", bits));
  });
});

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
  ])("fails for %s", (_name, pem, problem) => {
    expect(inspectTokenKey(pem).problems.join()).toMatch(problem);
  });
});
