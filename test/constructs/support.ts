import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, TerraformStack, Testing } from "cdktf";
import type { Construct } from "constructs";
import { OwnerUserData } from "../../lib/constructs/owner-user-data";
import { type VisaImage, VisaImage as VisaImageConstruct } from "../../lib/constructs/visa-image";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import type { BuildSpecification, LayerSpecification } from "../../lib/specification";
import { removedLater, scratchFolder } from "../support/scratch";

/** The inputs of one layer, by which tests change what is built. */
export interface LayerFixture {
  readonly name: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly cpus?: number;
  readonly suite?: string;
}

/** A specification of layers that nobody builds: fingerprints follow from the inputs, as the real ones do. */
export function specificationOf(...layers: LayerFixture[]): BuildSpecification {
  const specified: LayerSpecification[] = [];
  for (const { name, inputs = {}, cpus = 2, suite = "bookworm" } of layers) {
    const parent = specified.at(-1)?.fingerprint ?? digest(suite);
    specified.push({
      name,
      fingerprint: digest(JSON.stringify([name, parent, inputs])),
      parent,
      ...(specified.length === 0 && {
        base: { kind: "bootstrap", suite, packages: [], diskSizeGb: 2 },
      }),
      inputs: { parent: parent.slice(0, 12), ...inputs },
      configuration: {},
      files: [],
      secrets: [],
      contract: ["boot"],
      checks: [],
      diskSizeGb: 20,
      machine: { cpus },
    });
  }
  return { version: 1, layers: specified };
}

/** The three layers of the shipped chain. */
export function chain(options: { readonly script?: string; readonly cpus?: number } = {}): BuildSpecification {
  const { script = "77b2c0ffee00 0755", cpus = 2 } = options;
  return specificationOf(
    { name: "system-base", cpus },
    { name: "visa-base", cpus, inputs: { "scripts/desktop.sh": "0a1b2c3d4e5f 0755" } },
    { name: "visa-apps", cpus, inputs: { "scripts/jupyter.sh": script, "variable language": "en" } },
  );
}

/** The owner's boot command, in short. */
export const userData = OwnerUserData.script({ source: '#!/bin/bash\necho "${owner:-}" %{x}\n' });

let scratch: string | undefined;

/** A folder of its own, which goes with the test file. */
function ownFolder(): string {
  scratch ??= scratchFolder();
  return mkdtempSync(join(scratch, "own-"));
}

/** cdktf's app for tests, which leaves no folder behind. */
export function newApp(): App {
  return Testing.app({ outdir: ownFolder() });
}

/** A stack with a provider, in an app that writes to `outdir`. */
export function newStack(id = "images", outdir?: string): TerraformStack {
  const app = outdir ? new App({ outdir, context: { cdktfRelativeModules: [] } }) : newApp();
  const stack = new TerraformStack(app, id);
  new OpenstackProvider(stack, "openstack");
  return stack;
}

/** The path of a lock of its own. */
function ownLock(): string {
  return join(ownFolder(), "visa-images.lock.json");
}

/** An image of the chain, with a lock of its own unless one is named. */
export function addImage(stack: Construct, props: Partial<VisaImageProps> = {}, id = "visa-apps"): VisaImage {
  const specification = props.specification ?? chain();
  return new VisaImageConstruct(stack, id, {
    template: specification.layers.at(-1)?.name ?? "",
    lockFile: ownLock(),
    userData,
    ...props,
    specification,
  });
}

/** What the stack synthesizes to, validated. */
// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
export function synthesized(stack: TerraformStack): any {
  return JSON.parse(Testing.synth(stack, true));
}

/** The same by a whole synth, with the files that it stages: read from the output folder. */
// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
export function synthesizedFolder(stack: TerraformStack): { readonly folder: string; readonly json: any } {
  const folder = removedLater(Testing.fullSynth(stack));
  return { folder, json: JSON.parse(readFileSync(join(folder, "stacks", stack.node.id, "cdk.tf.json"), "utf8")) };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
