/**
 * clouds.yaml, clouds-public.yaml and secure.yaml, found, read and merged as the provider does it (gophercloud/utils,
 * clientconfig): what it does not look at has no part here either.
 */
import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { ExitCode, VisaImageError } from "../errors";
import type { Environment } from "./proxy";

/** An entry: its values are texts, however they are written, since `password: 0042` is none of the number 34. */
export interface CloudEntry {
  readonly auth: Readonly<Record<string, string>>;
  readonly authType?: string;
  readonly region?: string;
  readonly identityVersion?: string;
  /** Whether certificates are looked at. @default true */
  readonly verify?: boolean;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
}

type Value = string | null | readonly Value[] | { readonly [name: string]: Value };
type Mapping = { readonly [name: string]: Value };

/**
 * The entry of that name.
 *
 * @param folder where the program runs: the first place that is looked at
 * @param region merges what the entry says of that region alone
 * @throws VisaImageError where there is no such entry, or a file is none
 */
export function readCloud(name: string, environment: Environment, folder: string, region?: string): CloudEntry {
  const places = [folder, join(homeOfUser(environment), ".config", "openstack"), "/etc/openstack"];
  const find = (base: string) =>
    ["yaml", "yml"]
      .flatMap((end) => places.map((place) => join(place, `${base}.${end}`)))
      .find((file) => existsSync(file));
  // One that is named and not there is passed over.
  const named = [environment.OS_CLIENT_CONFIG_FILE].find((file) => file && existsSync(file));
  const file = named ?? find("clouds");
  if (!file) {
    throw cloudError(`the cloud "${name}" (OS_CLOUD) is to be found nowhere: no clouds.yaml in ${quoted(places)}`);
  }
  let entry = entryOf(file, "clouds", name);
  if (!entry) throw cloudError(`the cloud "${name}" (OS_CLOUD) is not to be found in "${file}"`);
  const profile = text(entry.profile) || text(entry.cloud);
  if (profile) {
    const publicFile = find("clouds-public");
    const known = publicFile && entryOf(publicFile, "public-clouds", profile);
    if (!known) {
      const where = publicFile ? `in "${publicFile}"` : `in a clouds-public.yaml in ${quoted(places)}`;
      throw cloudError(`the profile "${profile}" of the cloud "${name}" is not to be found ${where}`);
    }
    entry = merged(entry, known);
  }
  const secureFile = find("secure");
  const secret = secureFile && entryOf(secureFile, "clouds", name);
  if (secret) entry = merged(secret, entry);
  const regions = Array.isArray(entry.regions) ? entry.regions.map(mapping) : [];
  const own = region && regions.find((each) => text(each.name) === region);
  if (own) entry = merged(mapping(own.values), entry);
  return {
    auth: textsOf(mapping(entry.auth)),
    authType: text(entry.auth_type),
    region: text(entry.region_name),
    identityVersion: text(entry.identity_api_version),
    verify: truth(entry.verify, file),
    cacert: text(entry.cacert),
    cert: text(entry.cert),
    key: text(entry.key),
  };
}

/** By /etc/passwd, as the provider finds it: `HOME` counts where that does not know the user. */
function homeOfUser(environment: Environment): string {
  try {
    return userInfo().homedir;
  } catch {
    return environment.HOME ?? "/";
  }
}

function entryOf(file: string, key: string, name: string): Mapping | undefined {
  const clouds = mapping(mapping(readYaml(file))[key] ?? null);
  return name in clouds ? mapping(clouds[name] ?? null) : undefined;
}

/** Every scalar is a text but `null`; anchors and merge keys are YAML 1.1's. */
function readYaml(file: string): Value {
  try {
    return parse(readFileSync(file, "utf8"), {
      schema: "failsafe",
      customTags: ["null", "merge"],
      merge: true,
      uniqueKeys: false,
    }) as Value;
  } catch (cause) {
    const [reason] = (cause as Error).message.split("\n");
    throw new VisaImageError(`cannot read the clouds: ${reason}`, {
      location: { file },
      fix: "correct the file: openstack --os-cloud NAME token issue tries it",
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}

/** What the first one has, and of the other what it lacks or has empty. */
function merged(over: Mapping, under: Mapping): Mapping {
  const both = Object.entries(under).map(([name, value]): [string, Value] => {
    const own = over[name];
    if (isMapping(own) && isMapping(value)) return [name, merged(own, value)];
    return [name, own === undefined || own === null || own === "" ? value : own];
  });
  return { ...over, ...Object.fromEntries(both) };
}

/** YAML 1.1's words. */
function truth(value: Value | undefined, file: string): boolean | undefined {
  const word = text(value);
  if (word === undefined) return undefined;
  if (/^(y|yes|true|on)$/i.test(word)) return true;
  if (/^(n|no|false|off)$/i.test(word)) return false;
  throw new VisaImageError(`"verify: ${word}" is neither true nor false`, {
    location: { file },
    fix: "verify: true, or false where certificates are not to be looked at",
    exitCode: ExitCode.USAGE,
  });
}

function isMapping(value: Value | undefined): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A region may be its name alone. */
function mapping(value: Value | undefined): Mapping {
  return isMapping(value) ? value : typeof value === "string" ? { name: value } : {};
}

function text(value: Value | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function textsOf(values: Mapping): Record<string, string> {
  const entries = Object.entries(values).map(([key, value]) => [key, text(value)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function quoted(folders: readonly string[]): string {
  return folders.map((each) => `"${each}"`).join(", ");
}

function cloudError(what: string): VisaImageError {
  return new VisaImageError(`cannot sign in to the cloud: ${what}`, {
    fix: "correct OS_CLOUD, or let OS_CLIENT_CONFIG_FILE name the clouds.yaml, with its whole path: Terraform runs in another folder",
    exitCode: ExitCode.USAGE,
  });
}
