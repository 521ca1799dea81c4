/** Values of a plan as they may be shown: never a secret. */
import { isRecord, type ResourceChange, recordOf } from "./plan";

/** What stands in the place of a secret. */
export const SENSITIVE = "(sensitive)";

/** What stands in the place of what only the apply knows. */
export const UNKNOWN = "(known after apply)";

/** A value that is another one after the apply, as it may be shown. */
export interface Difference {
  readonly name: string;
  /** Left out where there was none. */
  readonly before?: string;
  /** Left out where there is none any more. */
  readonly after?: string;
}

/** Whether a value is secret, before or after: one that was not a secret so far is none to show either. */
function isSensitive({ sensitive }: ResourceChange, path: readonly string[]): boolean {
  return sensitive.some((mask) => {
    let at: unknown = mask;
    for (const key of path) {
      if (at === true) return true;
      at = isRecord(at) ? at[key] : undefined;
    }
    return hasSecret(at);
  });
}

/** Whether a mask covers anything. */
function hasSecret(mask: unknown): boolean {
  if (mask === true) return true;
  return typeof mask === "object" && mask !== null && Object.values(mask).some(hasSecret);
}

/** A value as text; nothing where there is none, or where it is no text, number or boolean. */
export function shown(change: ResourceChange, side: "before" | "after", ...path: string[]): string | undefined {
  const value = at(change[side], path);
  if (side === "after" && isUnknown(change, path)) return UNKNOWN;
  if (value === undefined || value === null || typeof value === "object") return undefined;
  return isSensitive(change, path) ? SENSITIVE : String(value);
}

/** Whether only the apply knows a value. */
export function isUnknown({ unknown }: ResourceChange, path: readonly string[]): boolean {
  let value: unknown = unknown;
  for (const key of path) {
    if (value === true) return true;
    value = isRecord(value) ? value[key] : undefined;
  }
  return value === true;
}

function at(values: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), values);
}

/** The entries of a map that differ, in the order of their names. */
export function differences(change: ResourceChange, attribute: string): Difference[] {
  const maps = [change.before, change.after, change.unknown].map((values) => recordOf(values[attribute]));
  return [...new Set(maps.flatMap((map) => Object.keys(map)))].sort().flatMap((name) => {
    const path = [attribute, name];
    if (!isUnknown(change, path) && same(at(change.before, path), at(change.after, path))) return [];
    const before = shown(change, "before", ...path);
    const after = shown(change, "after", ...path);
    return [{ name, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
  });
}

/** Names of the attributes that differ: what they say is nobody's business. */
export function changedAttributes(change: ResourceChange): string[] {
  const names = new Set([change.before, change.after, change.unknown].flatMap((values) => Object.keys(values)));
  return [...names]
    .filter((name) => change.unknown[name] === true || !same(change.before[name], change.after[name]))
    .sort();
}

function same(a: unknown, b: unknown): boolean {
  return (a ?? undefined) === (b ?? undefined) || JSON.stringify(a) === JSON.stringify(b);
}
