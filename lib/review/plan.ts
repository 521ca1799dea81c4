/** Reads what `terraform show -json PLAN` prints, of Terraform and of OpenTofu, and refuses what is something else. */
import { ExitCode, type Location, usageError, VisaImageError } from "../errors";

/** What becomes of a resource. */
export type Fate = "none" | "created" | "updated" | "replaced" | "destroyed" | "forgotten";

/** A JSON object. */
export type Values = Readonly<Record<string, unknown>>;

/** One resource in a plan. */
export interface ResourceChange {
  readonly address: string;
  readonly type: string;
  readonly name: string;
  /** The address up to the type: "" in the stack itself, `module.x.` in a module. */
  readonly prefix: string;
  readonly fate: Fate;
  /** Why, in Terraform's words: `replace_by_triggers`. @default - Terraform says nothing */
  readonly reason?: string;
  /** The attributes that cannot be changed in place. */
  readonly forcedBy: readonly string[];
  readonly before: Values;
  readonly after: Values;
  /** What is known after apply only. */
  readonly unknown: Values;
  /** What is secret, before or after. */
  readonly sensitive: readonly [before: unknown, after: unknown];
  /** The id by which it is taken into the state. @default - it is not */
  readonly importedId?: string;
  /** The address that it had. @default - the same */
  readonly formerAddress?: string;
  /** Left over from an earlier apply, beside the resource of this address. @default false */
  readonly deposed?: boolean;
}

/** A plan, as far as a review reads it. */
export interface Plan {
  /** Of Terraform, or of OpenTofu. */
  readonly terraformVersion: string;
  /** Resources that are managed, those that stay as they are too. */
  readonly changes: readonly ResourceChange[];
  /** Addresses of what somebody else deleted since the last apply. */
  readonly gone: ReadonlySet<string>;
  /** Names of outputs that change. */
  readonly outputs: readonly string[];
  /** Whether a part of it is put off to the next plan. */
  readonly partial: boolean;
}

const HOW = "terraform plan -out=PLAN && terraform show -json PLAN > PLAN.json";

/** The major version of the format; a minor one only adds to it. */
const FORMAT = 1;

const FATES: Readonly<Record<string, Fate>> = {
  "no-op": "none",
  create: "created",
  read: "none",
  update: "updated",
  "delete create": "replaced",
  "create delete": "replaced",
  delete: "destroyed",
  forget: "forgotten",
  // What was there stays there, in nobody's hands, and another one is made beside it: Terraform's order, and OpenTofu's.
  "create forget": "forgotten",
  "forget create": "forgotten",
};

/**
 * Reads a plan's JSON.
 *
 * @param bytes as they are in the file: UTF-8, or UTF-16 with its mark, as PowerShell writes it
 * @param file for messages
 * @throws VisaImageError for what is no plan, is not whole, failed, or is of a format that this version does not know
 */
export function readPlan(bytes: Uint8Array, file: string): Plan {
  const location = { file };
  const json = parse(bytes, location);
  const refuse = (what: string, fix: string) => usageError(what, location, fix);
  const version = json.format_version;
  if (typeof version !== "string") {
    const log = "@level" in json || "@message" in json;
    throw refuse(log ? "this is the log of `terraform plan -json`, not a plan" : "this is no plan of Terraform", HOW);
  }
  if (!/^\d+\.\d+$/.test(version) || Number.parseInt(version, 10) !== FORMAT) {
    throw refuse(
      `the plan's format_version is "${version}", expected ${FORMAT}.x`,
      "use a version of cdktf-visa-images that is newer than your Terraform, or Terraform 1.7 to 1.17",
    );
  }
  if (!("planned_values" in json) && !("resource_changes" in json)) {
    throw refuse("this is a state, not a plan", `name the plan's file: ${HOW}`);
  }
  if (json.errored === true) throw refuse("the plan ended with an error, and is not whole", `plan again: ${HOW}`);
  const list = (name: string) =>
    listOf(json[name] ?? [], name, location).map((each, index) => changeOf(each, `${name}[${index}]`, location));
  const outputs = isRecord(json.output_changes) ? Object.entries(json.output_changes) : [];
  return {
    terraformVersion: typeof json.terraform_version === "string" ? json.terraform_version : "",
    changes: list("resource_changes").flatMap((each) => each ?? []),
    gone: new Set(list("resource_drift").flatMap((each) => (each?.fate === "destroyed" ? each.address : []))),
    outputs: outputs
      .filter(([, change]) => isRecord(change) && String(change.actions) !== "no-op")
      .map(([name]) => name),
    partial: json.complete === false,
  };
}

function parse(bytes: Uint8Array, location: Location): Values {
  if (bytes.length === 0) throw usageError("the file is empty", location, HOW);
  // A plan as Terraform writes it is a zip archive.
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    throw usageError("this is the plan itself, not its JSON", location, `terraform show -json PLAN > PLAN.json`);
  }
  const text = new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8").decode(bytes);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const [first = ""] = text.trimStart().split("\n", 1);
    const log = /^\{"@level"/.test(first);
    // A whole plan is one object, and ends with its brace.
    const cut = /^\s*\{/.test(text) && !text.trimEnd().endsWith("}");
    const what = log
      ? "this is the log of `terraform plan -json`, not a plan"
      : cut
        ? "the plan is cut off: its JSON does not end"
        : "this is no JSON";
    throw new VisaImageError(what, { location, fix: HOW, exitCode: ExitCode.USAGE, cause });
  }
  if (!isRecord(json)) throw usageError("this is no plan of Terraform", location, HOW);
  return json;
}

function changeOf(given: unknown, where: string, location: Location): ResourceChange | undefined {
  const broken = (what: string) => usageError(`"${where}" of the plan ${what}`, location, HOW);
  if (!isRecord(given) || !isRecord(given.change)) throw broken("is no change of a resource");
  const { address, type, name, mode, change } = given;
  if (typeof address !== "string" || typeof type !== "string" || typeof name !== "string") {
    throw broken("has no address, type and name");
  }
  if (mode === "data" || mode === "ephemeral") return undefined;
  const actions = Array.isArray(change.actions) ? change.actions.join(" ") : undefined;
  const fate = Object.hasOwn(FATES, actions ?? "") ? FATES[actions ?? ""] : undefined;
  if (fate === undefined) {
    throw usageError(
      `the plan does "${actions}" to ${address}, which this version does not know`,
      location,
      "use a version of cdktf-visa-images that is newer than your Terraform",
    );
  }
  const paths = Array.isArray(change.replace_paths) ? change.replace_paths : [];
  return {
    ...{ address, type, name, fate },
    prefix: address.slice(0, Math.max(0, address.indexOf(`${type}.${name}`))),
    ...(typeof given.action_reason === "string" && { reason: given.action_reason }),
    forcedBy: [...new Set(paths.map((path) => String(Array.isArray(path) ? path[0] : path)))],
    before: recordOf(change.before),
    after: recordOf(change.after),
    unknown: recordOf(change.after_unknown),
    sensitive: [change.before_sensitive, change.after_sensitive],
    ...(isRecord(change.importing) && { importedId: String(change.importing.id ?? "") }),
    ...(typeof given.previous_address === "string" && { formerAddress: given.previous_address }),
    ...(typeof given.deposed === "string" && { deposed: true }),
  };
}

function listOf(value: unknown, name: string, location: Location): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw usageError(`"${name}" of the plan is no list`, location, HOW);
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same, or an empty one in the place of anything else. */
export function recordOf(value: unknown): Values {
  return isRecord(value) ? value : {};
}
