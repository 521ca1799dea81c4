import { verify } from "node:crypto";
import { inspectTokenKey, tokenLength } from "../../lib/template/pam-public-key";
import { makeToken, makeTokenKeyPair } from "../../lib/verify/token";

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
