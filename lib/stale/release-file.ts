/** A suite's Release file, as apt reads it: what the suite is, since when, and which files are in it. */
import { VisaImageError } from "../errors";

/** What a Release file says. */
export interface ReleaseFile {
  /** "bookworm-security". */
  readonly codename: string;
  /** When it was made: ISO 8601. */
  readonly date: string;
  /** Until when a mirror may show it: ISO 8601. @default - for ever */
  readonly validUntil?: string;
  /** Whether each file is also there under its checksum, where a mirror that is being changed does not mix two states. */
  readonly byHash: boolean;
  /** Size and hex SHA-256 by path below the suite's folder. */
  readonly files: ReadonlyMap<string, ListedFile>;
}

/** A file that a Release file lists. */
export interface ListedFile {
  readonly bytes: number;
  readonly sha256: string;
}

const BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE = "\n-----BEGIN PGP SIGNATURE-----";
const END = "\n-----END PGP SIGNATURE-----";

/** The signed text of an InRelease file, whose signature is another matter. @throws VisaImageError where it is cut off */
export function signedText(inRelease: string, where: string): string {
  const text = inRelease.replaceAll("\r\n", "\n");
  const [head, signature, end] = [text.indexOf("\n\n"), text.indexOf(SIGNATURE), text.indexOf(END)];
  if (!text.startsWith(BEGIN) || head < 0 || signature < head || end < signature) {
    const what = text.startsWith(BEGIN) ? "is cut off: its signature has no end" : "is no signed Release file";
    throw new VisaImageError(`"${where}" ${what}`, { fix: "try again; else look at what the mirror sends" });
  }
  return text.slice(head + 2, signature + 1).replace(/^- /gm, "");
}

/** Reads the text of a Release file. @throws VisaImageError for one that is no such file, or of another suite */
export function parseReleaseFile(text: string, suite: string, where: string): ReleaseFile {
  const wrong = (what: string) =>
    new VisaImageError(`"${where}" ${what}`, {
      fix: "name the mirror of Debian's archive: --mirror, VISA_DEBIAN_MIRROR",
    });
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1]?.trim();
  const codename = field("Codename") ?? field("Suite") ?? "";
  if (codename !== suite) throw wrong(`is of the suite "${codename}", not of "${suite}"`);
  const date = time(field("Date"));
  if (!date) throw wrong(`has the Date "${field("Date") ?? ""}", which is none`);
  const validUntil = time(field("Valid-Until"));
  const files = new Map<string, ListedFile>();
  const list = /^SHA256:[ \t]*\n((?:[ \t]+.*\n?)+)/m.exec(text)?.[1] ?? "";
  for (const line of list.split("\n")) {
    const [, sha256, bytes, path] = /^\s+([0-9a-f]{64})\s+(\d+)\s+(\S+)\s*$/.exec(line) ?? [];
    if (sha256 && path) files.set(path, { bytes: Number(bytes), sha256 });
  }
  if (files.size === 0) throw wrong("lists no files with SHA-256");
  return { codename, date, ...(validUntil && { validUntil }), byHash: field("Acquire-By-Hash") === "yes", files };
}

function time(text: string | undefined): string | undefined {
  const parsed = Date.parse(text ?? "");
  return Number.isNaN(parsed) ? undefined : new Date(parsed).toISOString();
}
