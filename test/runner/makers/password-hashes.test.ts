import { execFileSync } from "node:child_process";
import { withPasswordHashes } from "../../../lib/runner/makers/password-hashes";
import { packerVariable } from "../../../lib/template/marks";
import { installerBase } from "../support/installer-base";

test("a password is hashed as /etc/shadow holds it, each time with another salt, where a file shows the hash", async () => {
  const values = new Map([["pw", "Péage $1"]]);
  const hash = (await withPasswordHashes(installerBase(`x ${packerVariable("pw_hash")}`), values)).get("pw_hash") ?? "";
  const [, method, salt = ""] = hash.split("$");
  expect(method).toBe("6");
  const again = execFileSync("openssl", ["passwd", "-6", "-salt", salt, "-stdin"], { input: "Péage $1" });
  expect(hash).toBe(String(again).trim());
  expect((await withPasswordHashes(installerBase(packerVariable("pw_hash")), values)).get("pw_hash")).not.toBe(hash);
  expect([...(await withPasswordHashes(installerBase(packerVariable("pw")), values)).keys()]).toEqual(["pw"]);
});

test("a password is hashed where a boot command types its hash", async () => {
  const base = { ...installerBase(), configuration: { variable: { pw_hash: { type: "string" } } } };
  expect((await withPasswordHashes(base, new Map([["pw", "x"]]))).get("pw_hash")).toMatch(/^\$6\$/);
});

test("fails to hash a password of two lines", async () => {
  const values = new Map([["pw", "one\ntwo"]]);
  await expect(withPasswordHashes(installerBase(packerVariable("pw_hash")), values)).rejects.toThrow(
    '"pw" has more than one line',
  );
});
