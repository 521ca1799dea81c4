import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { CHAIN, temporaryCatalog } from "../fixtures/temporary-catalog";
import { last, type Options, publicKey, run } from "./support";

describe("the PAM public key", () => {
  test("goes byte for byte into templates that declare it", () => {
    const folder = temporaryCatalog(CHAIN);
    const layer = last(run(folder, { pamPublicKeyFile: publicKey(1024) }));
    expect(layer.inputs["variable pam_public_key"]).toMatch(
      /^-----BEGIN PUBLIC KEY-----\n[\s\S]*\n-----END PUBLIC KEY-----\n$/,
    );
  });

  test.each([
    [1024, 0],
    [1408, 1],
  ])("of %d bits gives %d warnings", (bits, count) => {
    const warnings: string[] = [];
    run(temporaryCatalog(CHAIN), {
      pamPublicKeyFile: publicKey(bits),
      onWarning: (warning) => warnings.push(warning),
    });
    expect(warnings).toHaveLength(count);
  });

  test.each<[string, () => string, RegExp]>([
    [
      "EC",
      () =>
        generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
          type: "spki",
          format: "pem",
        }) as string,
      /of type "ec"/,
    ],
    [
      "private",
      () =>
        generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({
          type: "pkcs8",
          format: "pem",
        }) as string,
      /private key/,
    ],
    [
      "PKCS#1",
      () =>
        generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({
          type: "pkcs1",
          format: "pem",
        }) as string,
      /PUBLIC KEY/,
    ],
    ["garbled", () => "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", /can't be read/],
    ["empty", () => "", /PEM/],
  ])("fails when it is %s", (_, make, message) => {
    const folder = temporaryCatalog({ ...CHAIN, "key.pem": make() });
    expect(() => run(folder, { pamPublicKeyFile: join(folder, "key.pem") })).toThrow(message);
  });
});

test("VISA's public key by its own option gives way to a variable of the image", () => {
  const folder = temporaryCatalog(CHAIN);
  const pamPublicKeyFile = publicKey(1024);
  const key = (options: Options) =>
    last(run(folder, { pamPublicKeyFile, ...options })).inputs["variable pam_public_key"];
  expect(key({ environment: { pam_public_key: "from the shell" } })).toMatch(/^-----BEGIN PUBLIC KEY/);
  expect(key({ variables: { two: { pam_public_key: "given" } } })).toBe("given");
});
