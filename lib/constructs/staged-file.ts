import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { Construct } from "constructs";
import { App, type ISynthesisSession, Manifest, TerraformStack } from "#cdktf";
import { claim } from "./claims";

/**
 * cdktf's hook for constructs that write files of their own at synth. Version 0.21 has a function that sets it, but
 * does not export it from its root; the symbol is in the global registry, and is the same in cdktn.
 */
const CUSTOM_SYNTHESIS = Symbol.for("cdktf/customSynthesis");

/** What a {@link StagedFile} is made from. */
export interface StagedFileProps {
  /** Relative to the stack's output folder, with `/`. */
  readonly path: string;
  /**
   * Called once, at synth.
   * @param folder the absolute path of the folder that the file is written to
   */
  readonly content: (folder: string) => string;
}

/**
 * A file written at synth into the stack's output folder, beside its `cdk.tf.json`.
 *
 * Terraform runs in that folder, so a command finds the file by {@link path}.
 */
export class StagedFile extends Construct {
  /** Relative to the stack's output folder, with `/`. */
  readonly path: string;

  /** @throws VisaImageError where another construct of the stack writes the file */
  constructor(scope: Construct, id: string, props: StagedFileProps) {
    super(scope, id);
    claim(this, stagedName(props.path));
    this.path = props.path;
    Object.defineProperty(this, CUSTOM_SYNTHESIS, {
      value: {
        onSynthesize: (session: ISynthesisSession) => {
          const stack = session.manifest.forStack(TerraformStack.of(this));
          const file = resolve(session.outdir, stack.workingDirectory, props.path);
          mkdirSync(dirname(file), { recursive: true });
          writeFileSync(file, props.content(dirname(file)));
        },
      },
    });
  }
}

/** A path as its claim has it. */
export function stagedName(path: string): string {
  return `the file ${path}`;
}

/** The folder that a stack is written to, and in which Terraform runs: absolute. */
export function outputFolder(scope: Construct): string {
  const stack = TerraformStack.of(scope);
  // Not by manifest.forStack(): its first call freezes the stack's dependencies, and here more may still be added.
  return resolve(App.of(stack).outdir, Manifest.stacksFolder, stack.node.id);
}

/** A path as seen from the stack's output folder: nothing of this machine's folders gets into a plan. */
export function fromOutputFolder(scope: Construct, path: string): string {
  return relative(outputFolder(scope), path).replaceAll("\\", "/");
}
