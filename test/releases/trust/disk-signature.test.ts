import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskSigningKey, signDisk } from "../../../lib/releases/trust/disk-signature";
import { runCommand } from "../../cli/run-command";
import { chain } from "../../constructs/support";
import { scratchFolder } from "../../support/scratch";
import { makeKeys } from "./support";

test("openssl says that the signature beside the disk holds, and Nova keeps all of it", async () => {
  const keys = makeKeys("P-384");
  const folder = scratchFolder();
  const disk = join(folder, "disk.raw");
  writeFileSync(disk, Buffer.alloc(3 << 20, "disk"));
  await signDisk(disk, diskSigningKey({ VISA_SIGNING_KEY_FILE: keys.secret }));
  const text = readFileSync(`${disk}.img_signature`, "utf8");
  expect(text).toMatch(/^[A-Za-z0-9+/]+=*\n$/);
  expect(text.length).toBeLessThan(255);
  const signature = join(folder, "signature");
  writeFileSync(signature, Buffer.from(text, "base64"));
  const check = () =>
    execFileSync("openssl", ["dgst", "-sha256", "-verify", keys.public, "-signature", signature, disk], {
      encoding: "utf8",
      stdio: "pipe",
    });
  expect(check()).toBe("Verified OK\n");
  writeFileSync(disk, "d", { flag: "a" });
  expect(check).toThrow(/Command failed/);
  expect(statSync(`${disk}.img_signature`).mode & 0o077).toBe(0);
});

test("fails before anything is built where there is no key, or one that Glance does not take", async () => {
  const folder = scratchFolder();
  const file = join(folder, "specification.json");
  const output = { format: "raw", path: "disk.raw", minDiskGb: 10, signed: true };
  writeFileSync(file, JSON.stringify({ ...chain(), output }));
  const build = async (environment: Record<string, string>) => {
    const own = { PATH: process.env.PATH, VISA_IMAGE_CACHE: join(folder, "cache"), ...environment };
    const { status, stderr } = await runCommand(["build", "--specification", file], folder, own);
    return [status, stderr];
  };
  expect(await build({})).toEqual([2, expect.stringMatching(/signatureCertificateUuid\), and there is no key for it/)]);
  const small = await build({ VISA_SIGNING_KEY_FILE: makeKeys().secret });
  expect(small).toEqual([2, expect.stringMatching(/is of P-256, and Glance takes no signature .* less than P-384/)]);
});
