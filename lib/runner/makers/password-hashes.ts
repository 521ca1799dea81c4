/** Passwords of an installer's files, as /etc/shadow holds them. */
import { ExitCode, VisaImageError } from "../../errors";
import type { InstallerBase } from "../../specification";
import { HASH_SUFFIX, packerVariablesIn } from "../../template/marks";
import { readTool } from "../processes/tools";

/** What a base's files and its boot command use: each secret by its own name, and its hash. */
export async function withPasswordHashes(
  { configuration, files, secrets }: InstallerBase,
  values: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const all = new Map(values);
  const shown = new Set([
    ...files.flatMap(({ content = "" }) => packerVariablesIn(content)),
    ...Object.keys(configuration.variable ?? {}),
  ]);
  for (const { name } of secrets) {
    const hash = name + HASH_SUFFIX;
    if (shown.has(hash)) all.set(hash, await hashPassword(name, values.get(name) ?? ""));
  }
  return all;
}

/** A password as /etc/shadow holds it (SHA-512, with a salt of its own). */
async function hashPassword(name: string, password: string): Promise<string> {
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
  const hash = await readTool("openssl", ["passwd", "-6", "-stdin"], { input: password }).catch((cause: Error) => {
    throw new VisaImageError(`cannot hash the secret "${name}": ${cause.message}`, {
      fix: "on Debian: apt install openssl",
      exitCode: ExitCode.USAGE,
    });
  });
  return hash.trim();
}
