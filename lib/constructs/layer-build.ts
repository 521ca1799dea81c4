import { join } from "node:path";
import { Construct } from "constructs";
import { type TerraformProvider, TerraformStack, Token } from "#cdktf";
import { VisaImageError } from "../errors";
import { short } from "../fingerprint/digest";
import { packageRoot } from "../package-root";
import { PROJECT_FOLDER } from "../project-folder";
import type {
  BuildSpecification,
  DiskFormat,
  LayerSpecification,
  OutputSpecification,
  ParentsFromGlance,
} from "../specification";
import { relativeTo } from "../specify/relative-to";
import { claimAddress, isClaimed } from "./claims";
import { moveFormer } from "./release-family";
import { signInEnvironment } from "./sign-in";
import { fromOutputFolder, outputFolder, StagedFile, stagedName } from "./staged-file";
import { TerraformData } from "./terraform-data";
import { addressPart, commandWord, escapeTemplate } from "./text";

/** Options of {@link LayerBuild.chain}. */
export interface LayerChainOptions {
  /** From the first layer to the one that is asked for, with absolute sources, as `specify()` gives it. */
  readonly specification: BuildSpecification;
  /**
   * A flattened disk of the last layer, as something that uploads it needs.
   * @default - the layer is only built into the cache
   */
  readonly output?: LayerOutput;
  /**
   * Tells two variants of one template in one stack apart: the second one's address ends in it.
   * @default - a second variant is an error
   */
  readonly variant?: string;
  /** What the variant was called before, the last name first. @default - none */
  readonly formerVariants?: readonly string[];
  /** Where layers come from, and where the result is registered. @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
  /** Whether the result is registered in Glance: then each build signs in there before it begins. @default false */
  readonly registered?: boolean;
  /**
   * Nothing is to be built, since the image is rolled back: layers that nothing else in the stack needs are left as they
   * are in the state, whatever their inputs.
   * @default false
   */
  readonly held?: boolean;
}

/** A flattened disk of a layer. */
export interface LayerOutput {
  readonly format: DiskFormat;
  /** In GiB; the runner refuses a disk whose virtual size is larger. */
  readonly minDiskGb: number;
  /** Whether it is signed for Glance. @default false */
  readonly signed?: boolean;
}

/** Properties of a {@link LayerBuild}. */
export interface LayerBuildProps {
  /** The chain of layers up to this one, with absolute sources. */
  readonly specification: BuildSpecification;
  /** @default - the first layer, which has a base instead */
  readonly parent?: LayerBuild;
  /** See {@link LayerChainOptions.held}. @default false */
  readonly held?: boolean;
}

/**
 * Builds one layer: a `terraform_data` whose `triggers_replace` has the layer's fingerprint and one entry per input, so
 * that a plan says why it is built again, and whose `local-exec` runs `visa-image build`.
 *
 * The specification is staged at synth as `specifications/<template>-<12 digits of the fingerprint>.json` in the stack's
 * output folder, that of another variant of the same layer as `specifications/<template>_<variant>-<digits>.json`. Settings of the build machine are in that file, but in no trigger: to change them plans nothing.
 *
 * Its address is `terraform_data.layer_<template>`; a second variant of a template in one stack has
 * `terraform_data.layer_<template>_<variant>`. Addresses and file names are contracts.
 */
export class LayerBuild extends Construct {
  /** The resource that is created once the layer is built. */
  readonly resource: TerraformData;
  /** The layer that this one builds. */
  readonly layer: LayerSpecification;
  /** Path of the staged specification, relative to the stack's output folder. */
  readonly specificationFile: string;

  private readonly props: LayerBuildProps;
  private readonly triggers: Record<string, string>;
  private readonly runner: HoldableCommand;
  /** What is found out before anything is built, as options of the command. */
  private readonly first = new Set<string>();
  private output?: OutputSpecification;
  /** What the stack builds on it, by fingerprint. */
  private readonly later = new Map<string, LayerSpecification>();
  /** One of the images that share it is enough: a layer from Glance is the layer that a build would make. */
  private parentsFromGlance?: ParentsFromGlance;

  /**
   * The builds of a chain of layers, of which those that the stack has already are shared: the last one is returned.
   *
   * @throws VisaImageError where the stack has another variant of one of the templates and no `variant` is given
   */
  static chain(scope: Construct, options: LayerChainOptions): LayerBuild {
    const { held, variant } = options;
    const { version, layers, machine, parentsFromGlance } = options.specification;
    let build: LayerBuild | undefined;
    for (const [index, layer] of layers.entries()) {
      const output = index === layers.length - 1 ? options.output : undefined;
      const specification = { version, layers: layers.slice(0, index + 1), ...(machine && { machine }) };
      build = LayerBuild.findOrCreate(scope, layer, { specification, parent: build, held }, output, variant);
      build.takeOver(options);
      if (!held) for (const above of layers.slice(index + 1)) build.later.set(above.fingerprint, above);
      if (parentsFromGlance) build.parentsFromGlance = parentsFromGlance;
      if (options.registered) build.askFirst("--sign-in");
      if (parentsFromGlance || options.registered) {
        build.runner.environment = signInEnvironment(scope, options.provider);
      }
      if (!held) build.runner.release();
    }
    if (!build) throw new VisaImageError("the specification has no layers", { fix: "specify a template" });
    return build;
  }

  private static findOrCreate(
    scope: Construct,
    layer: LayerSpecification,
    props: LayerBuildProps,
    output: LayerOutput | undefined,
    variant: string | undefined,
  ): LayerBuild {
    const stack = TerraformStack.of(scope);
    const name = `layer_${addressPart(layer.name)}`;
    const ids = variant ? [name, `${name}_${addressPart(variant)}`] : [name];
    for (const id of ids) {
      const present = stack.node.tryFindChild(id);
      if (present && !(present instanceof LayerBuild && present.serves(layer, output))) continue;
      const build = present instanceof LayerBuild ? present : new LayerBuild(stack, id, props);
      if (output) build.addOutput(output);
      return build;
    }
    const taken = ids.map((id) => `"${stack.node.path}/${id}"`).join(" and ");
    throw new VisaImageError(
      `the stack "${stack.node.id}" builds another variant of the template "${layer.name}": "${scope.node.path}" finds ${taken} taken`,
      { fix: "give the images of one stack different ids, or put them into different stacks" },
    );
  }

  /** Stands under the stack itself, so that its address does not depend on who asked first. */
  constructor(stack: TerraformStack, id: string, props: LayerBuildProps) {
    super(stack, id);
    const layer = props.specification.layers.at(-1);
    if (!layer) throw new VisaImageError("the specification has no layers", { fix: "specify a template" });
    this.props = props;
    this.layer = layer;
    this.triggers = { fingerprint: layer.fingerprint };
    for (const [name, value] of Object.entries(layer.inputs)) this.addTrigger(name, value);

    const digits = short(layer.fingerprint);
    const names = [addressPart(layer.name), id.replace(/^layer_/, "")].map(
      (name) => `specifications/${name}-${digits}.json`,
    );
    const staged = new StagedFile(this, "Specification", {
      // A variant may be of the same layer, with a disk of another format.
      path: names.find((path) => !isClaimed(this, stagedName(path))) ?? (names[0] as string),
      content: (folder) => `${JSON.stringify(relativeTo(this.specification, folder), undefined, 2)}\n`,
    });
    this.specificationFile = staged.path;

    this.resource = new TerraformData(this, "Resource", {
      triggersReplace: this.triggers,
      dependsOn: props.parent ? [props.parent.resource] : undefined,
    });
    claimAddress(this.resource, id);
    this.runner = new HoldableCommand(this.resource, this.triggers, this.commandOf(), props.held);
  }

  /** Has this build and those below it ask VISA first whether the result can be registered there. */
  askVisaFirst(): void {
    this.askFirst("--ask-visa");
    this.props.parent?.askVisaFirst();
  }

  private askFirst(option: string): void {
    this.first.add(option);
    this.runner.change(this.commandOf());
  }

  /** What is staged for the runner, with absolute sources. */
  get specification(): BuildSpecification {
    const { output, parentsFromGlance } = this;
    const later = [...this.later.values()];
    return {
      ...this.props.specification,
      ...(later.length > 0 && { later }),
      ...(parentsFromGlance && { parentsFromGlance }),
      ...(output && { output }),
    };
  }

  /** Path of the flattened disk, relative to the stack's output folder. Only where an output was asked for. */
  get diskFile(): string {
    if (!this.output) {
      throw new VisaImageError(`the layer "${this.layer.name}" has no flattened disk`, {
        fix: "give LayerBuild.chain() an output",
      });
    }
    return diskFile(this.layer, this.output.format);
  }

  /**
   * One more value that causes a new build when it changes, named as a plan is to show it.
   *
   * For what makes a new image from the same disk: the build finds its layer in the cache, and the disk is there when
   * it is uploaded.
   */
  addTrigger(name: string, value: string): void {
    this.triggers[escapeTemplate(name)] = escapeTemplate(value);
  }

  /** The command that a person runs to have this layer's disk on this machine. */
  get command(): string {
    const file = join(outputFolder(this), this.specificationFile);
    return `npx visa-image build --specification ${commandWord(relativeToWorkingDirectory(file))}`;
  }

  /** The state may have a variant's build under a name that its image had. */
  private takeOver({ variant = "", formerVariants = [] }: LayerChainOptions): void {
    const name = `layer_${addressPart(this.layer.name)}`;
    const addresses = [variant, ...formerVariants].map((each) => `${name}_${addressPart(each)}`);
    if (this.node.id === addresses[0]) moveFormer(this.resource, addresses);
  }

  private commandOf(): string {
    // In one order, whichever image asked first.
    return visaImageCommand(this, [
      "build",
      ...[...this.first].sort().reverse(),
      "--specification",
      this.specificationFile,
    ]);
  }

  private addOutput({ format, minDiskGb, signed = this.output?.signed }: LayerOutput): void {
    this.output = {
      format,
      // As seen from the folder of the specification.
      path: `../${diskFile(this.layer, format)}`,
      // Two images may share a disk: it has to fit both.
      minDiskGb: Math.min(minDiskGb, this.output?.minDiskGb ?? minDiskGb),
      ...(signed && { signed }),
    };
    this.addTrigger("disk format", format);
  }

  private serves(layer: LayerSpecification, output: LayerOutput | undefined): boolean {
    if (this.layer.fingerprint !== layer.fingerprint) return false;
    return !output || !this.output || output.format === this.output.format;
  }
}

/** What a resource is triggered by that was made while it was held: the next deploy without a hold makes it again. */
const HELD = "rolled back";

/**
 * The command of a resource that may be held: then it has none, and changes of its triggers are ignored. One that the
 * state does not have is made without the command, and remembers that it was.
 */
export class HoldableCommand {
  /** Read when it is released. */
  environment?: Record<string, string>;

  constructor(
    private readonly resource: TerraformData,
    private readonly triggers: Record<string, string>,
    private command: string,
    held = false,
  ) {
    if (held) {
      triggers[HELD] = "not run yet";
      resource.lifecycle = { ignoreChanges: ["triggers_replace"] };
    } else {
      this.release();
    }
  }

  /** Another command in its place. */
  change(command: string): void {
    this.command = command;
    if (!(HELD in this.triggers)) this.release();
  }

  /** Somebody needs it after all. */
  release(): void {
    delete this.triggers[HELD];
    this.resource.lifecycle = undefined;
    this.resource.provisioners = [{ type: "local-exec", command: this.command, environment: this.environment }];
  }
}

function diskFile(layer: LayerSpecification, format: DiskFormat): string {
  return `images/${addressPart(layer.name)}-${short(layer.fingerprint)}.${format}`;
}

function relativeToWorkingDirectory(path: string): string {
  const folder = `${process.cwd()}/`;
  return path.startsWith(folder) ? path.slice(folder.length) : path;
}

/**
 * A `local-exec` command that runs this package's own `visa-image`, the same on every machine: the path to it is relative
 * to the stack's output folder, in which Terraform runs. `exec`, so that a signal meant for the shell reaches it. It is told
 * where cdktf.json is, from where the paths in the environment count.
 */
export function visaImageCommand(scope: Construct, args: readonly string[]): string {
  const main = fromOutputFolder(scope, join(packageRoot(), "dist", "lib", "cli", "main.js"));
  const project = `${PROJECT_FOLDER}=${fromOutputFolder(scope, process.cwd())}`;
  return ["exec", "env", project, "node", main, ...args].map((word) => escapeUnlessToken(commandWord(word))).join(" ");
}

/** Arguments may be references to attributes, which Terraform must see. */
function escapeUnlessToken(word: string): string {
  return Token.isUnresolved(word) ? word : escapeTemplate(word);
}
