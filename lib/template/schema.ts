import Ajv, { type ErrorObject, type ValidateFunction } from "ajv";
import { ExitCode, type Location, VisaImageError } from "../errors";
import { suggestion } from "../nearest";
import { Problems } from "../problems";
import configSchema from "./schema/config.schema.json";
import environmentSchema from "./schema/environment.schema.json";
import manifestSchema from "./schema/manifest.schema.json";
import packageSchema from "./schema/package.schema.json";
import type { ValuePath } from "./yaml-file";

/** The files that have a schema; lib/template/schema holds one for each, for editors too. */
export type SchemaName = "config" | "environment" | "manifest" | "package";

const schemas: Record<SchemaName, object> = {
  config: configSchema,
  environment: environmentSchema,
  manifest: manifestSchema,
  package: packageSchema,
};

/** How a value of a builder or provisioner is to be written for Packer: the name of its definition in the schema. */
export type ValueKind = "text" | "duration" | "integer" | "flag" | "list" | "lists" | "map" | "any";

/** Finds where a value, or the key of a value, stands; templates made in TypeScript have no place. */
export interface Locator {
  locate(path: ValuePath): Location | undefined;
  locateKey(path: ValuePath): Location | undefined;
}

// Compiling costs more than all that is ever checked, and half as much where the schema itself is taken as right and no
// code is made faster. The first error ends the check of a good file; only where there is one all are looked for.
const SETTINGS = { verbose: true, strict: false, validateSchema: false, inlineRefs: false, code: { optimize: false } };
const ajv = { first: new Ajv({ ...SETTINGS, allErrors: false }), all: new Ajv({ ...SETTINGS, allErrors: true }) };
const compiled = { first: new Map<SchemaName, ValidateFunction>(), all: new Map<SchemaName, ValidateFunction>() };

/** Beyond these, what is wrong with a list of thousands of bad items is known. */
const MOST_ERRORS = 100;

function errorsOf(name: SchemaName, value: unknown, which: "first" | "all"): ErrorObject[] {
  let validate = compiled[which].get(name);
  if (!validate) {
    validate = ajv[which].compile(schemas[name]);
    compiled[which].set(name, validate);
  }
  if (validate(value)) return [];
  // The errors of combinators only repeat that something inside them failed.
  const errors = (validate.errors ?? []).filter((e) => !["if", "anyOf", "allOf", "oneOf"].includes(e.keyword));
  return errors.length > 0 ? errors : (validate.errors ?? []);
}

/** Checks a value against a schema. @throws VisaImageError for what is wrong, in the order of the schema */
export function check(name: SchemaName, value: unknown, locator: Locator, subject = ""): void {
  const [first] = errorsOf(name, value, "first");
  if (!first) return;
  const problems = new Problems();
  const told: string[] = [];
  for (const error of [first, ...errorsOf(name, value, "all")].slice(0, MOST_ERRORS)) {
    const place = placeOf(error);
    // Of the branches of a choice each has something to say of the same value.
    if (told.some((other) => isWithin(place, other) || isWithin(other, place))) continue;
    told.push(place);
    problems.add(explain(error, value, locator, subject));
  }
  problems.throwAny();
}

/** What an error is about, as a JSON pointer. */
function placeOf({ instancePath, keyword, params, propertyName }: ErrorObject): string {
  const key = propertyName ?? params.additionalProperty ?? params.missingProperty ?? params.propertyName;
  return key === undefined ? instancePath : `${instancePath}/${keyword === "required" ? "+" : ""}${key}`;
}

function isWithin(place: string, other: string): boolean {
  return place === other || place.startsWith(`${other}/`);
}

/** The kinds of the keys of a builder or provisioner type; undefined for a type that is not known. */
export function keyKinds(definition: string): ReadonlyMap<string, ValueKind> | undefined {
  const definitions: Record<string, unknown> = manifestSchema.definitions;
  const found = Object.hasOwn(definitions, definition)
    ? (definitions[definition] as { properties?: Record<string, { $ref?: string }> })
    : undefined;
  if (!found?.properties) return undefined;
  return new Map(
    Object.entries(found.properties).map(([key, { $ref }]) => [key, ($ref?.split("/").at(-1) ?? "any") as ValueKind]),
  );
}

/** Why a provisioner type that Packer knows is not taken. */
const REFUSED_PROVISIONERS: Readonly<Record<string, string>> = {
  "shell-local": "it runs on the build machine, where no fingerprint sees what it does; use a shell provisioner",
  breakpoint: "it waits for a key that nobody presses in an unattended build; remove it",
  ansible: "it reads the build machine's own Ansible configuration; use ansible-local",
};

function explain(error: ErrorObject, root: unknown, locator: Locator, subject: string): VisaImageError {
  const path = pointer(error.instancePath, root);
  const where = subject + (path.length > 0 ? `${subject ? ": " : ""}${show(path)}: ` : subject ? ": " : "");
  const usage = (what: string, location: Location | undefined, fix?: string) =>
    new VisaImageError(what, { location, fix, exitCode: ExitCode.USAGE });
  const keys = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
  switch (error.keyword) {
    case "additionalProperties": {
      const key = String(error.params.additionalProperty);
      const helper = error.parentSchema && "patternProperties" in (error.parentSchema as object);
      const fix =
        suggestion(key, keys, "keys") + (helper ? `; a helper of your own, as for YAML's anchors: x-${key}` : "");
      return usage(`${where}unknown key "${key}"`, locator.locateKey([...path, key]), fix);
    }
    case "pattern":
    case "propertyNames": {
      const name = error.propertyName ?? error.params.propertyName ?? error.data;
      return usage(
        `${where}"${String(name)}" cannot be used as a name`,
        error.propertyName !== undefined ? locator.locateKey([...path, error.propertyName]) : locator.locate(path),
        "start with a letter and use letters, digits and _ (in names of templates also . and -)",
      );
    }
    case "required": {
      const key = String(error.params.missingProperty);
      return usage(`${where}the key "${key}" is missing`, locator.locate(path), `add "${key}: …"`);
    }
    case "enum": {
      const value = typeof error.data === "string" ? error.data : (JSON.stringify(error.data) ?? "nothing");
      const refused = path.at(-1) === "type" && Object.hasOwn(REFUSED_PROVISIONERS, value);
      return usage(
        `${where}"${value}" is not supported`,
        locator.locate(path),
        refused
          ? REFUSED_PROVISIONERS[value]
          : suggestion(value, (error.params.allowedValues as unknown[]).map(String), "values"),
      );
    }
    case "type": {
      const expected = ([] as string[])
        .concat(error.params.type as string | string[])
        .filter((type) => type !== "null");
      return usage(
        `${where}${JSON.stringify(error.data) ?? "nothing"} stands where ${expected.join(" or ")} is needed`,
        locator.locate(path),
        typeof error.data === "string" || error.data === null ? undefined : "look at the indentation and the quotes",
      );
    }
    case "maxProperties":
      return usage(`${where}more than one of ${keys.join(", ")}`, locator.locate(path), "keep one of them");
    case "minProperties":
      return usage(`${where}nothing is given`, locator.locate(path), `give one of ${keys.join(", ")}`);
    default:
      return usage(`${where}${error.message ?? "not valid"}`, locator.locate(path));
  }
}

/** Splits a JSON pointer; indices become numbers where the value is a list. */
function pointer(text: string, root: unknown): (string | number)[] {
  const path: (string | number)[] = [];
  let value = root;
  for (const part of text.split("/").slice(1)) {
    const key = part.replace(/~1/g, "/").replace(/~0/g, "~");
    const step = Array.isArray(value) ? Number(key) : key;
    path.push(step);
    value = typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[step] : undefined;
  }
  return path;
}

/** `packer.provisioners[2].type`. */
export function show(path: ValuePath): string {
  return path.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i > 0 ? "." : ""}${step}`)).join("");
}
