/**
 * What an archive of `visa-image bundle` holds, and the SHA-256 of each of its files.
 *
 * ```
 * visa-bundle.lock.json                    this list; the only file that is not in it
 * installer/                               the program that installs the rest; Node.js alone runs it
 * npm.tar                                  the cache of npm that `npm ci --offline` installs the project from
 * providers/<host>/<name>/<version>/…      Terraform's providers, as a filesystem mirror
 * artifacts/<fingerprint>/                 layers as the cache has them: disk.qcow2, manifest.json, sbom.cdx.json
 * media/sha256-<digest>                    what bases are made from, where layers are to be built
 * packer/plugins/…                         Packer's plugins, where this Packer keeps them apart
 * ```
 *
 * What installs it runs without npm's packages, so this folder imports Node.js's own modules and none of npm's.
 */
import { arch, platform } from "node:process";
import { usageError } from "../errors";

/** The archive's format. */
const BUNDLE_VERSION = 1;

/** The list, which is the archive's first file. */
export const BUNDLE_LOCK = "visa-bundle.lock.json";

/** The program's folder in the archive. */
export const PROGRAM = "installer";
/** The cache of npm in the archive. */
export const NPM_CACHE = "npm.tar";
export const PROVIDERS = "providers";
export const ARTIFACTS = "artifacts";
export const MEDIA = "media";
export const PLUGINS = "packer/plugins";

/** A file of the archive. */
export interface BundledFile {
  /** With `/`; its first part says what it is. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The list of an archive. */
export interface BundleLock {
  readonly version: typeof BUNDLE_VERSION;
  /** npm's packages and Terraform's providers have programs for one platform: `linux-x64`. */
  readonly platform: string;
  readonly files: readonly BundledFile[];
}

const ROOTS = [PROGRAM, PROVIDERS, ARTIFACTS, MEDIA, PLUGINS];

/** A list of these files. */
export function bundleLock(files: readonly BundledFile[]): BundleLock {
  return {
    version: BUNDLE_VERSION,
    platform: `${platform}-${arch}`,
    files: files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
  };
}

/** Reads a list. @throws VisaImageError where it is none, or is for another machine */
export function parseBundleLock(text: string, archive: string): BundleLock {
  const fail = (what: string, fix = "copy the archive again, or make it again: npx visa-image bundle") =>
    usageError(`${BUNDLE_LOCK} ${what}`, { file: archive }, fix);
  let lock: BundleLock;
  try {
    lock = JSON.parse(text);
  } catch {
    throw fail("is no JSON");
  }
  if (lock?.version !== BUNDLE_VERSION) {
    throw fail(`has version ${JSON.stringify(lock?.version)}, expected ${BUNDLE_VERSION}`);
  }
  if (lock.platform !== `${platform}-${arch}`) {
    throw fail(`is for ${lock.platform}, this machine is ${platform}-${arch}`, "make it on a machine of the same kind");
  }
  if (!Array.isArray(lock.files)) throw fail('has no "files"');
  const seen = new Set<string>();
  for (const file of lock.files) {
    const { path, bytes, sha256 } = file ?? {};
    const sound = Number.isSafeInteger(bytes) && /^[0-9a-f]{64}$/.test(String(sha256)) && isOurs(String(path));
    if (!sound || seen.has(path)) throw fail(`says what cannot be: ${JSON.stringify(file)}`);
    seen.add(path);
  }
  return lock;
}

/** Whether a path is one of those that an archive has: it leads nowhere else, whatever it is appended to. */
function isOurs(path: string): boolean {
  if (path === NPM_CACHE) return true;
  const parts = path.split("/");
  if (!parts.every((part) => /^[\w.@+~-]+$/.test(part) && !/^\.+$/.test(part))) return false;
  return ROOTS.some((root) => path.startsWith(`${root}/`));
}
