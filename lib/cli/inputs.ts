/** What `build`, `render` and `explain` make of their options: a catalog, the inputs of a template, an environment. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import { VARIABLES, withPresentNames } from "../present-names";
import type { SpecifyOptions } from "../specify/specify-options";
import type { Catalog } from "../template/catalog";

/** Options that say what a template's inputs are. */
export interface InputOptions {
  readonly catalog?: string;
  readonly variable: readonly string[];
  readonly pamPublic?: string;
  readonly rootPassword?: string;
  readonly rootPasswordFile?: string;
  readonly httpProxy?: string;
  /** Commander's name for the value of `--no-proxy`; true where it is not given. */
  readonly proxy?: string | boolean;
  readonly cacheBuster?: string;
}

/** Shows something that is odd but no error. */
export function warn(message: string): void {
  process.stderr.write(`warning: ${message}\n`);
}

/** The environment of this process, with what the options say in the place of its variables. */
export function environmentOf(options: InputOptions): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = withPresentNames({ ...process.env }, VARIABLES, warn);
  if (options.rootPassword !== undefined && options.rootPasswordFile !== undefined) {
    throw new VisaImageError("--root-password does not go with --root-password-file", {
      fix: "give the file",
      exitCode: ExitCode.USAGE,
    });
  }
  if (options.rootPasswordFile !== undefined) {
    // The file that was named here wins over a password that the shell happens to have.
    environment.VISA_ROOT_PASSWORD_FILE = resolve(options.rootPasswordFile);
    delete environment.VISA_ROOT_PASSWORD;
  } else if (options.rootPassword !== undefined) {
    environment.VISA_ROOT_PASSWORD = options.rootPassword;
    delete environment.VISA_ROOT_PASSWORD_FILE;
  } else if (!environment.VISA_ROOT_PASSWORD && !environment.VISA_ROOT_PASSWORD_FILE && environment.root_password) {
    // What build-image.sh hands to packme, for those who run packme without it.
    environment.VISA_ROOT_PASSWORD = environment.root_password;
  }
  if (options.httpProxy !== undefined) environment.VISA_HTTP_PROXY = options.httpProxy;
  if (typeof options.proxy === "string") environment.VISA_NO_PROXY_HOSTS = options.proxy;
  return environment;
}

/**
 * Takes a password off the list of processes, as soon as it is read, and says that it was there for a moment.
 *
 * @param title what the list shows instead
 */
export function hidePassword(options: InputOptions, title: string): void {
  if (options.rootPassword === undefined) return;
  process.title = title;
  warn(
    "others on this machine can see a password on the command line, and shells remember it; VISA_ROOT_PASSWORD and --root-password-file do not show it",
  );
}

/** The catalog that is named, the one of this folder, or the shipped one; and its folder. */
export function openCatalog(options: Pick<InputOptions, "catalog">): { catalog: Catalog; folder: string } {
  const { Catalog: Catalogs } = require("../template/catalog") as typeof import("../template/catalog");
  const folder = (options.catalog ?? process.env.VISA_CATALOG) || (existsSync("config.yml") ? "." : undefined);
  return {
    catalog: folder === undefined ? Catalogs.shipped() : Catalogs.fromDirectory(folder),
    folder: resolve(folder ?? "."),
  };
}

/** Where an unknown template may be: the catalogs of folders in the current one that name it. */
function catalogsWith(template: string): string[] {
  return readdirSync(".", { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(entry.name, "config.yml")))
    .map(({ name }) => name)
    .filter((name) => readFileSync(join(name, "config.yml"), "utf8").includes(template))
    .sort();
}

/** The templates that are named, or else all that no other one of the catalog extends. */
export function chooseTemplates(catalog: Catalog, names: readonly string[]): string[] {
  if (names.length > 0) {
    const known = catalog.allNames();
    const unknown = names.find((name) => !known.includes(name));
    const [other] = unknown === undefined ? [] : catalogsWith(unknown);
    if (unknown !== undefined && other !== undefined) {
      throw new VisaImageError(`there is no template "${unknown}" in this catalog`, {
        fix: `say where it is: --catalog ${other}, or VISA_CATALOG=${other}`,
        exitCode: ExitCode.USAGE,
      });
    }
    return [...new Set(names)];
  }
  const parents = new Set(catalog.names().flatMap((name) => catalog.parentOf(name) ?? []));
  const leaves = catalog.names().filter((name) => !parents.has(name));
  if (leaves.length > 0) return leaves;
  throw new VisaImageError("the catalog has no templates", {
    fix: 'name one in config.yml, for example "templates: {my-apps: {extends: visa-base}}"',
    exitCode: ExitCode.USAGE,
  });
}

/** What to specify for a template. */
export function specifyOptions(
  catalog: Catalog,
  template: string,
  options: InputOptions,
  environment: NodeJS.ProcessEnv,
): SpecifyOptions {
  return {
    catalog,
    template,
    variables: readVariables(options.variable, template),
    cacheBuster: (options.cacheBuster ?? environment.VISA_CACHE_BUSTER) || undefined,
    pamPublicKeyFile: (options.pamPublic ?? environment.VISA_PAM_PUBLIC_KEY) || undefined,
    environment,
    onWarning: warn,
  };
}

/** `name=value` and `template.name=value`. */
export function readVariables(texts: readonly string[], template: string): Record<string, Record<string, string>> {
  const variables: Record<string, Record<string, string>> = {};
  for (const text of texts) {
    const match = /^(?:([^=]+)\.)?([^.=]+)=([\s\S]*)$/.exec(text);
    if (!match) {
      throw new VisaImageError(`"${text}" is no variable`, {
        fix: "--variable name=value, or --variable template.name=value",
        exitCode: ExitCode.USAGE,
      });
    }
    const [, owner = template, name = "", value = ""] = match;
    variables[owner] = { ...variables[owner], [name]: value };
  }
  return variables;
}

/** Columns of text, as wide as they need to be. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] as number))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
