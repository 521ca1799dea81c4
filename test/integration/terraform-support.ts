import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../lib/package-root";
import type { PlanReview } from "../../lib/review/model";
import { readPlan } from "../../lib/review/plan";
import { reviewPlan } from "../../lib/review/review";
import { compileCommand, compileStandIn } from "../runner/support/command";

/** What a run of Terraform printed, and how it ended. */
export interface TerraformRun {
  readonly status: number | null;
  readonly text: string;
}

/** A run of Terraform that may not have ended. */
export interface RunningTerraform {
  readonly pid: number;
  readonly ended: Promise<TerraformRun>;
}

/** A synthesized stack, to run Terraform in, with the provider from the set-up's mirror. */
export class TerraformFolder {
  constructor(
    readonly folder: string,
    private readonly environment: Readonly<Record<string, string>> = UNREACHABLE_CLOUD,
  ) {
    this.run("init", "-input=false");
  }

  /** Runs Terraform, which has to succeed. */
  run(...args: string[]): string {
    const { status, text } = this.try(...args);
    if (status !== 0) throw new Error(`terraform ${args.join(" ")} ended with ${status}:\n${text}`);
    return text;
  }

  /** Runs Terraform, however it ends. */
  try(...args: string[]): TerraformRun {
    const { status, stdout, stderr, error } = spawnSync("terraform", [...args, "-no-color"], {
      ...this.options,
      encoding: "utf8",
    });
    if (error) throw error;
    return { status, text: `${stdout}${stderr}` };
  }

  /** What `visa-image review` says of a plan that `-out` kept. */
  review(plan: string): PlanReview {
    const shown = spawnSync("terraform", ["show", "-json", plan], { ...this.options, maxBuffer: 1 << 26 });
    if (shown.status !== 0) throw new Error(String(shown.stderr));
    return reviewPlan(readPlan(shown.stdout, plan));
  }

  /** Starts Terraform in a process group of its own, with more variables where that is asked for. */
  start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): RunningTerraform {
    const { cwd, env } = this.options;
    const child = spawn("terraform", [...args, "-no-color"], { cwd, env: { ...env, ...environment }, detached: true });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        text += chunk;
      });
    }
    const ended = new Promise<TerraformRun>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => resolve({ status, text }));
    });
    return { pid: child.pid ?? 0, ended };
  }

  private get options(): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
    return { cwd: this.folder, env: terraformEnvironment(this.environment) };
  }
}

/** The variables of a Terraform that finds the provider, and no cloud but the one that is given. */
export function terraformEnvironment(cloud: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = { TF_CLI_CONFIG_FILE: cliConfiguration(), CHECKPOINT_DISABLE: "1" };
  return { ...withoutCloud(process.env), ...own, ...cloud };
}

/** Credentials for a cloud that nobody answers for: port 9 of loopback is closed. */
export const UNREACHABLE_CLOUD = {
  OS_AUTH_URL: "http://127.0.0.1:9/v3",
  OS_USERNAME: "nobody",
  OS_PASSWORD: "none",
  OS_PROJECT_NAME: "none",
  OS_USER_DOMAIN_NAME: "Default",
  OS_PROJECT_DOMAIN_NAME: "Default",
} as const;

/** Terraform's state as a file: what was built and registered on some other day. */
export function writeState(folder: string, resources: readonly StateResource[]): void {
  const state = {
    version: 4,
    terraform_version: "1.11.4",
    serial: 1,
    lineage: "0c1d8a5e-1f6b-4a33-9d3e-3f2f0a1b2c3d",
    outputs: {},
    resources: resources.map(({ type, name, attributes, private: notes, sensitive = [] }) => ({
      mode: "managed",
      type,
      name,
      provider:
        type === "terraform_data"
          ? 'provider["terraform.io/builtin/terraform"]'
          : 'provider["registry.terraform.io/terraform-provider-openstack/openstack"]',
      instances: [
        {
          schema_version: 0,
          attributes,
          sensitive_attributes: sensitive.map((value) => [{ type: "get_attr", value }]),
          private: notes,
        },
      ],
    })),
  };
  writeFileSync(join(folder, "terraform.tfstate"), JSON.stringify(state));
}

/** A resource in a state. */
export interface StateResource {
  readonly type: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Attributes that the provider's schema calls sensitive. @default none */
  readonly sensitive?: readonly string[];
  /** The provider's own notes, in which it keeps its timeouts. */
  readonly private?: string;
}

/** The state of a `terraform_data` with these triggers. */
export function terraformDataState(name: string, triggers: Readonly<Record<string, string>>): StateResource {
  const type = ["object", Object.fromEntries(Object.keys(triggers).map((key) => [key, "string"]))];
  return {
    type: "terraform_data",
    name,
    attributes: {
      id: `00000000-0000-4000-8000-${Buffer.from(name).toString("hex").padEnd(12, "0").slice(-12)}`,
      input: null,
      output: null,
      triggers_replace: { value: triggers, type },
    },
  };
}

/** Keeps a stack's state beside its configuration, by a path that does not depend on the machine. */
export function keepStateInFolder(folder: string): void {
  const file = join(folder, "cdk.tf.json");
  const json = JSON.parse(readFileSync(file, "utf8"));
  json.terraform.backend = { local: { path: "terraform.tfstate" } };
  writeFileSync(file, JSON.stringify(json, undefined, 2));
}

function withoutCloud(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("OS_")));
}

/** Terraform's CLI configuration that names a mirror with the provider. */
function cliConfiguration(): string {
  const { VISA_EMBEDDED_DIR: embedded = join(packageRoot(), ".embedded"), TF_CLI_CONFIG_FILE: given } = process.env;
  const file = join(embedded, "terraform.rc");
  if (existsSync(file)) return file;
  if (given && existsSync(given)) return given;
  throw new Error(`"${file}" is missing: run \`npm run setup\` first`);
}

/** What leads programs to an embedded cloud in a folder. */
export function cloudEnvironmentOf(folder: string): Record<string, string> {
  return {
    // Its reports of the gate are none of this user's.
    VISA_IMAGE_CACHE: join(folder, "..", "cache"),
    OS_CLOUD: "embedded",
    OS_CLIENT_CONFIG_FILE: join(folder, "clouds.yaml"),
    NO_PROXY: "127.0.0.1",
    no_proxy: "127.0.0.1",
  };
}

/** Puts the {@link file://./stand-in.ts} in the place of `visa-image`, whose builds take too long for some tests. */
export function useStandIn(folder: string): void {
  const file = join(folder, "cdk.tf.json");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replaceAll(/\bnode \S+main\.js/g, `node ${compileStandIn()}`));
}

/** Runs the real `visa-image`, to its end. */
export function runVisaImage(
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>>,
): { readonly status: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [compileCommand(), ...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
  return { status, text: `${stdout}${stderr}` };
}
