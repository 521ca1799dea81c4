/** From what is wanted, by names, to what VISA's `ImageInput` takes, by ids; and where the two differ. */
import { ExitCode, VisaImageError } from "../errors";
import { suggestion } from "../nearest";
import type { CloudClient, Entry, Flavour, Plan, Protocol } from "./entry";
import { withMark, withoutMark } from "./entry";
import { checkLimits } from "./limits";
import type { Wanted } from "./wanted";

/** Everything that was read of VISA. */
export interface Found {
  readonly entries: readonly Entry[];
  readonly plans: readonly Plan[];
  readonly protocols: readonly Protocol[];
  readonly flavours: readonly Flavour[];
  readonly cloudClients: readonly CloudClient[];
  /** The fields that this VISA's `ImageInput` has. */
  readonly inputFields: readonly string[];
}

/** An `ImageInput`. VISA replaces all: what is left out becomes null. */
export type EntryInput = Readonly<Record<string, unknown>>;

/** The default cloud client: −1, null and absent are one thing. */
const DEFAULT_CLOUD = -1;

/** What VISA's page picks for a new entry. */
const DEFAULT_ICON = "data-analysis-1.jpg";

/** `ImageInput` fields in a person's words, as VISA's admin page has them. */
const WORDS: Readonly<Record<string, string>> = {
  computeId: "image",
  protocolIds: "protocols",
  defaultVdiProtocolId: "default desktop",
  secondaryVdiProtocolId: "secondary desktop",
  bootCommand: "boot command",
  cloudId: "cloud client",
  autoAcceptExtensionRequest: "extension requests",
};

/** A field in a person's words. */
export function fieldWord(field: string): string {
  return WORDS[field] ?? field;
}

/** An entry as an input that changes nothing: to be read, merged and written whole. */
export function inputOf(entry: Entry, found: Pick<Found, "inputFields">): EntryInput {
  const whole: Record<string, unknown> = {
    ...entry,
    protocolIds: entry.protocols?.map(({ id }) => id) ?? [],
    defaultVdiProtocolId: entry.defaultVdiProtocol?.id,
    secondaryVdiProtocolId: entry.secondaryVdiProtocol?.id,
    // Null would be a "System error".
    icon: entry.icon ?? "",
  };
  return only(whole, found.inputFields);
}

/**
 * What VISA is to have of the image: the wanted fields over those of an entry.
 *
 * @param changes a line that says what changed, where the stack leaves the description to us
 * @param base the entry itself, or for a new one the entry before it: what the stack says nothing of stays as it is
 * @throws VisaImageError for a name that this VISA does not know, and for what is too long
 */
export function wantedInput(
  wanted: Wanted,
  imageId: string,
  found: Found,
  base: Entry | undefined,
  visible: boolean,
  changes?: string,
): EntryInput {
  const { fields } = wanted;
  const before = base ? inputOf(base, found) : {};
  const said = fields.description ?? withoutMark(base?.description);
  const description = wanted.tellChanges && changes ? `${withoutChanges(said)}\n\n${changes}` : said;
  const own: Record<string, unknown> = {
    name: fields.name,
    version: fields.version,
    description: withMark(description, wanted),
    icon: fields.icon ?? (base?.icon || DEFAULT_ICON),
    computeId: imageId,
    visible,
    protocolIds: fields.protocols.map((name) => byName("protocol", name, found.protocols).id),
    defaultVdiProtocolId: byName("protocol", fields.defaultDesktop, found.protocols).id,
    secondaryVdiProtocolId: fields.secondaryDesktop && byName("protocol", fields.secondaryDesktop, found.protocols).id,
    autologin: fields.autologin,
    bootCommand: fields.bootCommand,
    cloudId: fields.cloudClient && byName("cloud client", fields.cloudClient, found.cloudClients).id,
    autoAcceptExtensionRequest: fields.autoAcceptExtensionRequest,
  };
  for (const field of ["cloudId", "autoAcceptExtensionRequest"] as const) {
    if (own[field] === undefined || found.inputFields.includes(field)) continue;
    throw new VisaImageError(`this VISA has no ${fieldWord(field)} of an image`, {
      fix: "leave it out, or bring VISA up to date",
      exitCode: ExitCode.USAGE,
    });
  }
  const defined = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const input = only({ ...before, ...defined }, found.inputFields);
  checkLimits(texts(input));
  return input;
}

/** The fields in which two inputs differ, as VISA counts: null and "" are one thing, and so is the default cloud. */
export function differingFields(a: EntryInput, b: EntryInput): string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.filter((name) => canonical(name, a[name]) !== canonical(name, b[name]));
}

/** One of VISA's things by its name. @throws VisaImageError where VISA has none */
export function byName<T extends { readonly name: string }>(kind: string, name: string, all: readonly T[]): T {
  const found = all.find((each) => each.name === name);
  if (found) return found;
  const names = all.map((each) => each.name);
  throw new VisaImageError(`VISA has no ${kind} "${name}"`, {
    fix: names.length > 0 ? suggestion(name, names, `${kind}s`) : `make it on VISA's admin page`,
    exitCode: ExitCode.USAGE,
  });
}

function withoutChanges(description: string): string {
  return description.replace(/\n*^Changed since .*$/m, "");
}

function canonical(name: string, value: unknown): string {
  if (name === "cloudId") return String(value ?? DEFAULT_CLOUD);
  // Their order is VISA's own affair, a duplicate is not.
  if (Array.isArray(value)) return JSON.stringify([...value].sort());
  return JSON.stringify(value === "" || value === undefined ? null : value);
}

function only(values: Readonly<Record<string, unknown>>, names: readonly string[]): EntryInput {
  return Object.fromEntries(names.filter((name) => values[name] !== undefined).map((name) => [name, values[name]]));
}

function texts(input: EntryInput): Record<string, string> {
  return Object.fromEntries(
    Object.entries(input).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
