/**
 * Completes package-lock.json with the packages for other platforms that a registry did not have when it was made.
 *
 * npm leaves an optional dependency that it can't find out of the lock file, and then `npm ci` refuses the lock file
 * ("Missing: … from lock file"). An entry with its version and platform is enough: npm skips it where the platform is
 * another, and looks it up where it fits. Run it after each `npm install` that changed the lock file:
 * `npx tsx dev/complete-lock.ts [package-lock.json]`; it prints what it added.
 */
import { readFileSync, writeFileSync } from "node:fs";

/** An entry of `packages` in package-lock.json, as far as it matters here. */
export interface LockEntry {
  readonly version?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/** The platform that a package's name tells, or `undefined` where it tells none: only such packages may be left out. */
export function platform(name: string): Pick<LockEntry, "os" | "cpu" | "libc"> | undefined {
  const words = name.split("/").at(-1)?.split("-") ?? [];
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  if (!os || !cpu) return undefined;
  const libc = words.some((word) => word.startsWith("musl"))
    ? "musl"
    : words.some((word) => word.startsWith("gnu"))
      ? "glibc"
      : undefined;
  return { cpu: [cpu], ...(libc && os === "linux" ? { libc: [libc] } : {}), os: [os] };
}

/** The entries that are missing, by their key in `packages`. */
export function missingEntries(packages: Readonly<Record<string, LockEntry>>): Record<string, LockEntry> {
  const missing: Record<string, LockEntry> = {};
  for (const entry of Object.values(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const key = `node_modules/${name}`;
      const found = platform(name);
      // A range can't be resolved without the registry; packages for platforms are always pinned.
      if (!found || key in packages || !/^\d+\.\d+\.\d+/.test(version)) continue;
      missing[key] = { version, optional: true, ...found };
    }
  }
  return missing;
}

if (require.main === module) {
  const file = process.argv[2] ?? "package-lock.json";
  const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, LockEntry> };
  const missing = missingEntries(lock.packages);
  const all = Object.entries({ ...lock.packages, ...missing });
  // npm's own order, so that its next run changes nothing.
  lock.packages = Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, "en")));
  if (Object.keys(missing).length > 0) writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  for (const key of Object.keys(missing)) console.log(`added ${key.replace("node_modules/", "")}`);
}
