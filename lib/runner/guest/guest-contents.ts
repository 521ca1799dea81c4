/**
 * What a guest has besides its Debian packages, as inside/contents.py lists it: what pip, uv and conda put there, kernels,
 * menu entries, units, users. The program is part of the runner's report step (guest-report.ts): no input of the image.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assetFolder } from "../../package-root";

/** A package of an environment. */
export interface EnvironmentPackage {
  readonly type: "pypi" | "conda";
  /** Path of the environment in the image, `/opt/jupyter` for example. */
  readonly environment: string;
  readonly name: string;
  readonly version: string;
  /** What it says of its licence: a name, an SPDX id or expression. */
  readonly license?: string;
  /** Of conda: the build, where it came from, and for which platform. */
  readonly build?: string;
  readonly channel?: string;
  readonly subdir?: string;
}

/** A kernel that Jupyter offers. */
export interface Kernel {
  readonly name: string;
  /** What people see. */
  readonly title: string;
  /** Path of its environment; empty where its command names none. */
  readonly environment: string;
}

/** An entry of the desktop's menu. */
export interface Application {
  /** Of its file: `silx.desktop`. */
  readonly name: string;
  readonly title: string;
}

/** A user of /etc/passwd. */
export interface GuestUser {
  readonly name: string;
  readonly uid: string;
  readonly shell: string;
}

/** What a guest has. */
export interface GuestContents {
  readonly packages: readonly EnvironmentPackage[];
  readonly kernels: readonly Kernel[];
  readonly applications: readonly Application[];
  /** Names of the units that start with the system. */
  readonly units: readonly string[];
  readonly users: readonly GuestUser[];
  /** What could not be read, in words. */
  readonly incomplete: readonly string[];
}

/** The lines of a shell's script that print {@link GuestContents} with a prefix, where the guest has a Python. */
export function contentsScript(prefix: string): string {
  const program = readFileSync(join(assetFolder(join("runner", "guest", "inside")), "contents.py"), "utf8");
  // A guest whose system has no Python may have one in the environments that this is about.
  return `python=$(command -v python3) || for python in /opt/*/bin/python3 /opt/*/*/bin/python3; do
  if [ -x "$python" ]; then break; fi
done
if [ -x "$python" ]; then
  echo '${prefix} {"kind": "begin"}'
  "$python" -I -S -B - <<'END_OF_CONTENTS' 2>/dev/null | sed 's/^/${prefix} /' || true
${program}END_OF_CONTENTS
fi
`;
}

/** What PyPI and conda take as names, and as versions. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const VERSION = /^[\w.+!-]+$/;

type Values = Readonly<Record<string, unknown>>;

/** Reads what {@link contentsScript} printed, without the prefix. */
export class ContentsReader {
  private readonly packages: EnvironmentPackage[] = [];
  private readonly kernels: Kernel[] = [];
  private readonly applications: Application[] = [];
  private readonly units: string[] = [];
  private readonly users: GuestUser[] = [];
  private readonly incomplete: string[] = [];
  private begun = false;
  private ended = false;

  /** Takes a line. What is no line of the program is noted, and not believed. */
  take(line: string): void {
    const values = record(line);
    if (values?.kind === "begin") this.begun = true;
    else if (values?.kind === "end") this.ended = true;
    else if (!values || !this.add(values)) this.incomplete.push(`a line that cannot be read: ${line.slice(0, 80)}`);
  }

  /** Nothing where the guest has no Python. */
  get result(): GuestContents | undefined {
    if (!this.begun) return undefined;
    const { packages, kernels, applications, units, users, incomplete } = this;
    const cut = this.ended ? [] : ["the list broke off"];
    return { packages, kernels, applications, units, users, incomplete: [...incomplete, ...cut] };
  }

  private add(values: Values): boolean {
    const { kind } = values;
    const text = (key: string) => (typeof values[key] === "string" ? (values[key] as string) : "");
    const [name, title, environment] = [text("name"), text("title"), text("environment")];
    if (kind === "incomplete" && text("what")) this.incomplete.push(text("what"));
    else if (name === "") return false;
    else if (kind === "kernel" && title) this.kernels.push({ name, title, environment });
    else if (kind === "application" && title) this.applications.push({ name, title });
    else if (kind === "unit") this.units.push(name);
    else if (kind === "user" && text("uid")) this.users.push({ name, uid: text("uid"), shell: text("shell") });
    else if (kind === "package") return this.addPackage(values, text);
    else return false;
    return true;
  }

  private addPackage(values: Values, text: (key: string) => string): boolean {
    const [name, version, environment, type] = [text("name"), text("version"), text("environment"), text("type")];
    if (!NAME.test(name) || !VERSION.test(version) || !environment || (type !== "pypi" && type !== "conda"))
      return false;
    const license = licenseOf(text("expression"), text("license"), values.classifiers);
    const optional = { license, build: text("build"), channel: text("channel"), subdir: text("subdir") };
    const said = Object.fromEntries(Object.entries(optional).filter(([, value]) => value));
    this.packages.push({ type, environment, name, version, ...said });
    return true;
  }
}

function record(line: string): Values | undefined {
  try {
    const values: unknown = JSON.parse(line);
    return typeof values === "object" && values !== null ? (values as Values) : undefined;
  } catch {
    return undefined;
  }
}

/** The best that a package says: an expression, else a short name, else what its classifiers end with. */
function licenseOf(expression: string, license: string, classifiers: unknown): string | undefined {
  if (expression) return expression;
  if (license && license.length <= 80 && license.toUpperCase() !== "UNKNOWN") return license;
  const [first] = Array.isArray(classifiers) ? classifiers.filter((each) => typeof each === "string") : [];
  const name = first?.split(" :: ").at(-1);
  return name === "OSI Approved" ? undefined : name;
}
