/** Passwords of an installer's files, as /etc/shadow holds them. */
import { spawnSync } from "node:child_process";
import { ExitCode, VisaImageError } from "../../errors";
import type { InstallerBase } from "../../specification";
import { HASH_SUFFIX, packerVariablesIn } from "../../template/marks";
import { toolEnvironment } from "../processes/tool-environment";

/** The names that a base's files use: each secret's own, and its hash's. */
export function withPasswordHashes({ files, secrets }: InstallerBase, values: ReadonlyMap<string, string>) {
  const all = new Map(values);
  const shown = new Set(files.flatMap(({ content = "" }) => packerVariablesIn(content)));
  for (const { name } of secrets) {
    const hash = name + HASH_SUFFIX;
    if (shown.has(hash)) all.set(hash, hashPassword(name, values.get(name) ?? ""));
  }
  return all;
}

/** A password as /etc/shadow holds it (SHA-512, with a salt of its own). */
function hashPassword(name: string, password: string): string {
  if (/[\r\n]/.test(password)) {
    throw new VisaImageError(
      `the secret "${name}" has more than one line, and is a password in the installer's files`,
      {
        fix: "give a password of one line",
        exitCode: ExitCode.USAGE,
      },
    );
  }
  // By standard input: a command line can be read by everyone.
  const { status, stdout, error } = spawnSync("openssl", ["passwd", "-6", "-stdin"], {
    input: password,
    encoding: "utf8",
    env: toolEnvironment(),
  });
  if (status === 0) return stdout.trim();
  throw new VisaImageError(
    `cannot hash the secret "${name}": openssl ${error ? error.message : `ended with ${status}`}`,
    {
      fix: "on Debian: apt install openssl",
      exitCode: ExitCode.USAGE,
    },
  );
}
