/**
 * The package indexes of Debian's suites, kept in the cache, one file each: what was signed, when, and the newest version of
 * each package. What cannot be had whole leaves the one that is there.
 *
 * ```
 * indexes/<suite>.json     the suite's InRelease as it was signed, and what its Packages file says
 * ```
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { VisaImageError } from "../errors";
import { privateFolder, writePrivateFile } from "../runner/host/private-files";
import { toolEnvironment } from "../runner/processes/tool-environment";
import type { MirrorFiles } from "./mirror-files";
import { parsePackages } from "./packages-file";
import { type ListedFile, parseReleaseFile, type ReleaseFile } from "./release-file";
import { checkedText } from "./signature";

/** The format of a kept index; one of another is fetched anew. */
const INDEX_VERSION = 1;

/** What images have by default; what comes from elsewhere is not judged. */
const INDEX = "main/binary-amd64/Packages";

/** A package of a suite. */
export interface SuitePackage {
  readonly version: string;
  /** The source package. */
  readonly source: string;
  /**
   * The Date of the first index of this cache that had this version: ISO 8601.
   * @default - the very first one had it already, so it may be older than that
   */
  readonly since?: string;
}

/** A suite's index. */
export interface SuiteIndex {
  readonly suite: string;
  /** The Date of its Release file: ISO 8601. */
  readonly date: string;
  readonly validUntil?: string;
  /** Whether its signature was checked. */
  readonly checked: boolean;
  /** The Date of the first index of the suite in this cache. */
  readonly first: string;
  find(name: string): SuitePackage | undefined;
}

/** Version; source package, empty for the same name; since, empty where not known. */
type Row = readonly [version: string, source?: string, since?: string];

interface KeptIndex {
  readonly version: typeof INDEX_VERSION;
  readonly suite: string;
  readonly date: string;
  readonly validUntil?: string;
  readonly checked: boolean;
  readonly first: string;
  readonly inRelease: string;
  readonly packages: Readonly<Record<string, Row>>;
}

/** Options of {@link PackageIndexes.update}. */
export interface UpdateOptions {
  /** @default - Debian's, where it is installed */
  readonly keyring?: string;
  /** A suite that a mirror need not have. @default false */
  readonly optional?: boolean;
}

/** The indexes of one cache. */
export class PackageIndexes {
  constructor(private readonly folder: string) {}

  /** The index that is kept; nothing where there is none. @throws VisaImageError where it is damaged */
  read(suite: string): SuiteIndex | undefined {
    const kept = this.load(suite);
    return kept && opened(kept);
  }

  /**
   * Brings a suite's index to what the mirror has, where that is another one and not an older one.
   *
   * @returns the index that is kept now; nothing where the mirror does not have an optional one, and none is kept
   * @throws VisaImageError where the mirror cannot be reached, is cut off, or is not what was signed: what is kept stays
   */
  async update(suite: string, mirror: MirrorFiles, { keyring, optional }: UpdateOptions = {}) {
    let kept: KeptIndex | undefined;
    try {
      kept = this.load(suite);
    } catch {
      // A damaged one is replaced.
    }
    const folder = `dists/${suite}`;
    const where = mirror.where(`${folder}/InRelease`);
    const inRelease = (await mirror.get(`${folder}/InRelease`))?.toString();
    if (inRelease === undefined) {
      if (optional) return kept && opened(kept);
      throw new VisaImageError(`there is no "${where}"`, {
        fix: "name the mirrors: --mirror, and --security-mirror for security updates (default: its address with -security appended)",
      });
    }
    // One that was kept without a check is checked as soon as it can be.
    if (kept?.inRelease === inRelease && kept.checked) return opened(kept);
    const { text, checked } = checkedText(inRelease, where, keyring);
    const release = parseReleaseFile(text, suite, where);
    if (kept && kept.date > release.date) return opened(kept);
    const packages = parsePackages(await fetchPackages(mirror, folder, release));
    const since = kept && kept.date < release.date ? release.date : undefined;
    const rows = [...packages].map(([name, { version, source = "" }]): [string, Row] => {
      const before = kept?.packages[name];
      const seen = before?.[0] === version ? before[2] : since;
      return [name, seen ? [version, source, seen] : source ? [version, source] : [version]];
    });
    const { date, validUntil } = release;
    const first = kept?.first ?? date;
    const index: KeptIndex = {
      ...{ version: INDEX_VERSION, suite, date, ...(validUntil && { validUntil }), checked, first, inRelease },
      packages: Object.fromEntries(rows),
    };
    privateFolder(this.folder);
    writePrivateFile(this.file(suite), JSON.stringify(index));
    return opened(index);
  }

  private file(suite: string): string {
    return join(this.folder, `${suite}.json`);
  }

  private load(suite: string): KeptIndex | undefined {
    const file = this.file(suite);
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    let kept: KeptIndex | undefined;
    try {
      kept = JSON.parse(text) as KeptIndex;
    } catch {
      // Said below.
    }
    if (kept?.version === INDEX_VERSION && kept.suite === suite && typeof kept.packages === "object") return kept;
    throw new VisaImageError(`"${file}" is cut off, or of another version of this package`, {
      fix: "run it once without --offline: it is fetched anew",
    });
  }
}

function opened({ suite, date, validUntil, checked, first, packages }: KeptIndex): SuiteIndex {
  return {
    ...{ suite, date, validUntil, checked, first },
    find(name) {
      if (!Object.hasOwn(packages, name)) return undefined;
      const [version, source, since] = packages[name] as Row;
      return { version, source: source || name, ...(since && { since }) };
    },
  };
}

/** The packed form that is smallest and can be unpacked here. */
async function fetchPackages(mirror: MirrorFiles, folder: string, release: ReleaseFile): Promise<string> {
  const whole = release.files.get(INDEX);
  for (const [ending, unpack] of UNPACKERS) {
    const path = `${INDEX}${ending}`;
    const listed = release.files.get(path);
    if (!listed) continue;
    const packed = await fetchListed(mirror, folder, path, listed, release.byHash);
    const bytes = packed && unpack(packed, mirror.where(`${folder}/${path}`));
    if (!bytes) continue;
    if (whole) check(bytes, whole, `${mirror.where(`${folder}/${path}`)}, unpacked,`);
    // Names and versions are ASCII, and a text of single bytes takes half the time.
    return bytes.toString("latin1");
  }
  throw new VisaImageError(`"${mirror.where(folder)}" has no ${INDEX} that can be read here`, {
    fix: "install xz-utils, or name a mirror that is whole",
  });
}

async function fetchListed(mirror: MirrorFiles, folder: string, path: string, listed: ListedFile, byHash: boolean) {
  const named = `${folder}/${path}`;
  const hashed = `${named.slice(0, named.lastIndexOf("/"))}/by-hash/SHA256/${listed.sha256}`;
  const bytes = (byHash ? await mirror.get(hashed) : undefined) ?? (await mirror.get(named));
  if (bytes) check(bytes, listed, mirror.where(named));
  return bytes;
}

function check(bytes: Buffer, { bytes: length, sha256 }: ListedFile, what: string): void {
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual === sha256) return;
  const how = bytes.length < length ? "is cut off" : "is not what the Release file lists";
  throw new VisaImageError(`"${what}" ${how}: ${bytes.length} bytes of ${length}, SHA-256 ${actual.slice(0, 12)}…`, {
    fix: "the mirror may be just changing: try again in some minutes. The index that was there before is still kept",
  });
}

type Unpack = (packed: Buffer, where: string) => Buffer | undefined;

const UNPACKERS: readonly (readonly [ending: string, unpack: Unpack])[] = [
  [".xz", unxz],
  [".gz", (packed) => gunzipSync(packed)],
  ["", (bytes) => bytes],
];

/** Nothing where there is no xz. */
function unxz(packed: Buffer, where: string): Buffer | undefined {
  const options = { input: packed, maxBuffer: 1 << 30, env: toolEnvironment() };
  const { error, status, stdout, stderr } = spawnSync("xz", ["--decompress", "--stdout"], options);
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return undefined;
  if (status === 0) return stdout;
  throw new VisaImageError(`xz cannot unpack "${where}": ${error?.message ?? stderr.toString().trim()}`);
}
