/** Names that were others before: known by both for one version, with a warning that names the new one. */

/** What a name is now. */
export interface PresentName {
  readonly name: string;
  /** The value by the new name. @default - the same */
  readonly value?: (before: unknown) => unknown;
}

/** Names of before, and what they are now. */
export type PresentNames = Readonly<Record<string, PresentName>>;

const GLANCE = (on: unknown) =>
  on === true || on === "true" ? "glance" : on === "false" ? undefined : on || undefined;

/** Props and options in code. */
export const PROPS: PresentNames = {
  refresh: { name: "cacheBuster" },
  parentsFromGlance: { name: "cacheFrom", value: GLANCE },
};

/** Variables of the environment. */
export const VARIABLES: PresentNames = {
  VISA_REFRESH: { name: "VISA_CACHE_BUSTER" },
  VISA_PARENTS_FROM_GLANCE: { name: "VISA_CACHE_FROM", value: GLANCE },
};

/** Options of the command line, with what is written in their place. */
export const OPTIONS: Readonly<Record<string, string>> = {
  "--refresh": "--cache-buster",
  "--parents-from-glance": "--cache-from=glance",
};

/** What is told about a name of before. */
export function renamedWarning(before: string, now: string): string {
  return `"${before}" is "${now}" now, and is known by its old name for one more version`;
}

/** The same values by their present names; where both are given, by the present one. */
export function withPresentNames<T extends object>(values: T, names: PresentNames, warn: (message: string) => void): T {
  const all: Record<string, unknown> = { ...(values as Record<string, unknown>) };
  for (const [before, { name, value = (same: unknown) => same }] of Object.entries(names)) {
    const given = all[before];
    delete all[before];
    if (given === undefined || given === "") continue;
    warn(renamedWarning(before, name));
    if (all[name] === undefined || all[name] === "") all[name] = value(given);
  }
  return all as T;
}
