/** What VISA keeps of an image (its entry), of plans and of what they name; and how an entry is known as ours. */

/** A protocol of VISA. Its ids differ from one VISA to the next, its names do not. */
export interface Protocol {
  readonly id: number;
  readonly name: string;
  readonly port: number;
}

/** Whoever is asked for an instance's machine. The default one has the id −1. */
export interface CloudClient {
  readonly id: number;
  readonly name: string;
}

/** A flavour of VISA. */
export interface Flavour {
  readonly id: number;
  readonly name: string;
}

/** An image together with a flavour, which is what users choose. */
export interface Plan {
  readonly id: number;
  /** The entry's id. */
  readonly imageId: number;
  readonly flavourId: number;
  /** Whether it is the one that is chosen already when the page opens: at most one in all of VISA is. */
  readonly preset: boolean;
}

/** VISA's entry of an image, as it is read. Texts that are null and empty ones mean the same. */
export interface Entry {
  readonly id: number;
  readonly name: string;
  readonly version?: string | null;
  readonly description?: string | null;
  readonly icon?: string | null;
  /** The image's id in Glance. */
  readonly computeId: string;
  readonly visible: boolean;
  readonly protocols?: readonly Protocol[] | null;
  readonly defaultVdiProtocol?: { readonly id: number } | null;
  readonly secondaryVdiProtocol?: { readonly id: number } | null;
  readonly bootCommand?: string | null;
  readonly autologin?: string | null;
  readonly cloudId?: number | null;
  readonly autoAcceptExtensionRequest?: string | null;
  /** Fields of later versions, which are written back as they were read. */
  readonly [field: string]: unknown;
}

/** Whose an entry is. */
export interface Mark {
  /** `<stack>/<id>` of the registration. */
  readonly key: string;
  /** The release's 12 digits, where it has some. */
  readonly release?: string;
}

const MARK = /\n*\[visa-images (\S+?)(?: ([0-9a-f]{12}))?\]\s*$/;

/** The last line of an entry's description: what it is known by, since VISA has no field of one's own. */
export function markLine({ key, release }: Mark): string {
  return `[visa-images ${key}${release ? ` ${release}` : ""}]`;
}

/** The mark in a description; undefined where there is none. */
export function readMark(description: string | null | undefined): Mark | undefined {
  const match = MARK.exec(description ?? "");
  return match ? { key: match[1] as string, release: match[2] } : undefined;
}

/** A description without its mark. */
export function withoutMark(description: string | null | undefined): string {
  return (description ?? "").replace(MARK, "");
}

/** The line of a description that says what changed; undefined where there is none. */
export function readChanges(description: string | null | undefined): string | undefined {
  return /^Changed since .*$/m.exec(description ?? "")?.[0];
}

/** A description with this mark as its last line, in the place of any other one. */
export function withMark(description: string | null | undefined, mark: Mark): string {
  const text = withoutMark(description);
  return `${text}${text ? "\n\n" : ""}${markLine(mark)}`;
}

/** An entry in a person's words. */
export function describeEntry({ id, name, version, visible }: Entry): string {
  return `entry ${id} "${name}"${version ? ` ${version}` : ""} (${visible ? "shown" : "hidden"})`;
}
