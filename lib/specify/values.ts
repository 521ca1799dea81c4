/** The values of a template's variables: what each is, and where it comes from. */
import { withoutCredentials } from "../build-machine";
import { usageError } from "../errors";
import { suggestion } from "../nearest";
import { RUNNER_VARIABLES } from "../packer/runner-variables";
import type { SecretVariable } from "../specification";
import { HASH_SUFFIX, packerVariable } from "../template/marks";
import { fillPlaceholders, type Placeholder } from "../template/original";
import { Renderer } from "../template/render";
import { Template } from "../template/template";
import { type Given, readOptions, type SpecifyOptions } from "./specify-options";

/** The original's root password: a secret in every template, declared or not. */
const ROOT_PASSWORD: SecretVariable = { name: "root_password", environment: "VISA_ROOT_PASSWORD", required: true };

/** A variable's value. */
interface Value {
  readonly text: string;
  /** For a reader; left out for what every template has. */
  readonly origin?: string;
}

/** A template with the values of its variables, its block tags rendered. */
export interface ValuedTemplate {
  readonly template: Template;
  readonly values: ReadonlyMap<string, string>;
  /** Secrets that it may use. */
  readonly secrets: readonly SecretVariable[];
}

/** Finds the values of a template. @throws VisaImageError for a variable that is not declared, or a secret's value */
export function valueTemplate(template: Template, given: Given, warn: (message: string) => void): ValuedTemplate {
  const secrets = secretsOf(template, given);
  const values = new Map([...valuesOf(template, given, secrets)].map(([name, { text }]) => [name, text]));
  return { template: withoutBlocks(template, values, warn), values, secrets };
}

/** A variable of a template, and where its value comes from. */
export interface VariableOrigin {
  readonly template: string;
  readonly name: string;
  /** Left out for secrets, which only the build knows. */
  readonly value?: string;
  readonly origin: string;
}

/** Where every variable of a chain of layers has its value from. @throws VisaImageError as {@link specify} does */
export function originsOf(options: SpecifyOptions): VariableOrigin[] {
  const given = readOptions(options);
  return options.catalog.chain(options.template).flatMap((template) => {
    const secretNames = secretNamesOf(template);
    return [...valuesOf(template, given, secretsOf(template, given))].flatMap(([name, { text, origin }]) =>
      origin === undefined
        ? []
        : [{ template: template.name, name, ...(secretNames.has(name) ? {} : { value: text }), origin }],
    );
  });
}

/** A template's values with the hash of each secret, empty where that is: for files that an installer reads. */
export function withHashes(values: ReadonlyMap<string, string>, template: Template): Map<string, string> {
  const hashes = [...secretNamesOf(template)].map((name): [string, string] => [
    name + HASH_SUFFIX,
    values.get(name) ? packerVariable(name + HASH_SUFFIX) : "",
  ]);
  return new Map([...hashes, ...values]);
}

/** Names of what only the build knows. */
function secretNamesOf(template: Template): Set<string> {
  return new Set(template.parts.secrets.map(({ name }) => name).concat(ROOT_PASSWORD.name));
}

/** Secrets that a template may use: those that will be set, and those that a build cannot do without. */
function secretsOf(template: Template, { options, environment }: Given): SecretVariable[] {
  const declared = template.parts.secrets;
  const all = declared.some(({ name }) => name === ROOT_PASSWORD.name) ? declared : [...declared, ROOT_PASSWORD];
  return all.flatMap((secret) => {
    if (Object.hasOwn(RUNNER_VARIABLES, secret.name)) {
      throw usageError(
        `the name "${secret.name}" is taken by the build itself`,
        template.parts.locate([]),
        "give the secret another name",
      );
    }
    const isSet = Boolean(environment[secret.environment] || environment[`${secret.environment}_FILE`]);
    // An optional secret that is set is an input like any other: the build then cannot do without it either.
    return (options.secrets?.[secret.name] ?? isSet) || secret.required ? [{ ...secret, required: true }] : [];
  });
}

function valuesOf(
  template: Template,
  { options, environment, pamPublicKey }: Given,
  secrets: readonly SecretVariable[],
): Map<string, Value> {
  const { variables: declared, fill: isUnfilled } = template.parts;
  const values = new Map<string, Value>([
    ["proxy", { text: "" }],
    ["no_proxy", { text: "" }],
  ]);
  // build-image.sh has a value of its own for hosts without proxy here.
  const fill = { no_proxy: "localhost", ...nonEmpty(fillOf(environment)) };
  for (const [name, text] of declared) {
    values.set(
      name,
      isUnfilled
        ? { text: fillPlaceholders(text, fill), origin: "environment.yml.tlt" }
        : { text, origin: "the template" },
    );
  }
  for (const name of values.keys()) {
    const text = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (text !== undefined) values.set(name, { text, origin: `environment variable ${name}` });
  }
  if (pamPublicKey && declared.has("pam_public_key")) {
    values.set("pam_public_key", { text: pamPublicKey.pem, origin: String(options.pamPublicKeyFile) });
  }
  for (const [name, own] of Object.entries(options.variables?.[template.name] ?? {})) {
    checkGiven(name, template, values, secrets);
    values.set(name, { text: String(own), origin: "a variable of this image (--variable, or variables in code)" });
  }
  for (const [name, value] of values) {
    if (name === "proxy" || name.endsWith("_proxy")) {
      values.set(name, { ...value, text: withoutCredentials(value.text) });
    }
  }
  const isDeclared = (name: string) => template.parts.secrets.some((secret) => secret.name === name);
  for (const name of secretNamesOf(template)) {
    values.set(name, { text: "", ...(isDeclared(name) && { origin: "a secret, not set" }) });
  }
  for (const { name, environment: variable } of secrets) {
    const from = [variable, `${variable}_FILE`].find((candidate) => environment[candidate]);
    const origin = from ? `a secret from ${from}` : `a secret; set ${variable} to build`;
    values.set(name, { text: packerVariable(name), ...(isDeclared(name) && { origin }) });
  }
  values.set("headless", { ...values.get("headless"), text: packerVariable("headless") });
  values.set("vm_name", { ...values.get("vm_name"), text: template.name });
  return values;
}

/** Fails for a variable given in code or by an option that the template does not have. */
function checkGiven(
  name: string,
  template: Template,
  values: ReadonlyMap<string, Value>,
  secrets: readonly SecretVariable[],
): void {
  if (secretNamesOf(template).has(name)) {
    throw usageError(
      `"${name}" is a secret of "${template.name}", and given as a variable`,
      template.parts.locate([]),
      `set ${secrets.find((secret) => secret.name === name)?.environment ?? "it"} in the environment of the build`,
    );
  }
  if (values.has(name)) return;
  throw usageError(
    `"${template.name}" has no variable "${name}"`,
    template.parts.locate([]),
    suggestion(name, template.parts.variables.keys(), "variables"),
  );
}

/** What build-image.sh fills `.tlt` files with. */
export function fillOf(environment: Readonly<Record<string, string | undefined>>): Record<Placeholder, string> {
  const proxy = withoutCredentials(environment.VISA_HTTP_PROXY ?? "");
  return { http_proxy: proxy, https_proxy: proxy, no_proxy: environment.VISA_NO_PROXY_HOSTS ?? "" };
}

function nonEmpty(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}

/** The template with its block tags rendered, where these stand around lines. */
function withoutBlocks(
  template: Template,
  values: ReadonlyMap<string, string>,
  warn: (message: string) => void,
): Template {
  const { renderBlocks, locate } = template.parts;
  if (!renderBlocks) return template;
  const file = locate([])?.file;
  warn(`${file}: block tags stand around lines or items here, so it is rendered as text before it is read as YAML`);
  const renderer = new Renderer(values, "keep");
  const parts = renderBlocks(
    (name) => values.has(name),
    (text) => renderer.render(text, file === undefined ? undefined : { file }).real,
  );
  return Template.fromParts(template.name, parts);
}
