import { execFileSync } from "node:child_process";
import { withPasswordHashes } from "../../../lib/runner/makers/password-hashes";
import type { InstallerBase } from "../../../lib/specification";
import { packerVariable } from "../../../lib/template/marks";

const base = (...contents: string[]): InstallerBase => ({
  kind: "installer",
  media: [],
  configuration: {},
  files: contents.map((content, i) => ({ path: `file${i}`, source: "/x", mode: 0o600, sha256: "", content })),
  secrets: [{ name: "pw", environment: "VISA_PW", required: true }],
  diskSizeGb: 10,
  timeout: "2h",
});

test("a password is hashed as /etc/shadow holds it, each time with another salt, where a file shows the hash", async () => {
  const values = new Map([["pw", "Péage $1"]]);
  const hash = (await withPasswordHashes(base(`x ${packerVariable("pw_hash")}`), values)).get("pw_hash") ?? "";
  const [, method, salt = ""] = hash.split("$");
  expect(method).toBe("6");
  const again = execFileSync("openssl", ["passwd", "-6", "-salt", salt, "-stdin"], { input: "Péage $1" });
  expect(hash).toBe(String(again).trim());
  expect((await withPasswordHashes(base(packerVariable("pw_hash")), values)).get("pw_hash")).not.toBe(hash);
  expect([...(await withPasswordHashes(base(packerVariable("pw")), values)).keys()]).toEqual(["pw"]);
});

test("fails to hash a password of two lines", async () => {
  const values = new Map([["pw", "one\ntwo"]]);
  await expect(withPasswordHashes(base(packerVariable("pw_hash")), values)).rejects.toThrow(
    '"pw" has more than one line',
  );
});
