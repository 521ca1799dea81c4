import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Location, usageError } from "../errors";
import { Problems } from "../problems";
import type { MachineOptions, SecretVariable, SpecifiedFile } from "../specification";
import type { ExcludedFile } from "../template/files";
import { type Renderer, Text } from "../template/render";
import type { FileScope, Step, Template } from "../template/template";
import { guestFiles } from "./guest-scripts";
import { write } from "./hcl";
import { type Places, placesOf } from "./places";
import { renderProvisioners } from "./provisioners";
import { INSTALLER_KEYS, LOGIN, QemuBuilder } from "./qemu-builder";
import { RUNNER_VARIABLES } from "./runner-variables";
import { StagedFiles, type StagedFilesOptions } from "./staged-files";
import { TypedValues } from "./typed-values";

/** What a rendered template needs beside itself. */
export interface RenderOptions extends StagedFilesOptions {
  readonly template: Template;
  /** Renders the template's values. */
  readonly renderer: Renderer;
  /** Secrets that the template may use. */
  readonly secrets: readonly SecretVariable[];
  /** Size of the disk in GiB, as it is rendered. */
  readonly diskSize: Text;
  /** Folder of the scripts that every build runs. @default this package's */
  readonly guestFolder?: string;
  /**
   * Whether the layer stands on a disk that an installer made from this template: then the boot command and what is
   * served are the installer's. @default false
   */
  readonly onInstaller?: boolean;
}

/** A template as Packer reads it. */
export interface RenderedTemplate {
  /** The configuration in HCL2's JSON. */
  readonly configuration: Record<string, unknown>;
  /** The same with marks in the place of the template's variables. */
  readonly structure: Record<string, unknown>;
  /** Where what the template says stands in its files. */
  readonly places: Places;
  readonly files: readonly SpecifiedFile[];
  /** The files' entries among the inputs. */
  readonly fileInputs: Readonly<Record<string, string>>;
  /** Names of the template's variables that the configuration shows. */
  readonly variables: readonly string[];
  /** Secrets that it uses. */
  readonly secrets: readonly SecretVariable[];
  /** What the template says about the build machine. */
  readonly machine: MachineOptions;
  /** What is odd but no error. */
  readonly warnings: readonly string[];
  /** What of the template's folders is left out. */
  readonly excluded: readonly ExcludedFile[];
  /** As {@link RenderedProvisioners.unresumable}. */
  readonly unresumable: readonly number[];
}

/**
 * Renders a template as a Packer configuration, in HCL2's JSON.
 *
 * It is accepted by Packer 1.6.6 and shaped for newer versions: what those need beside it is put in by the runner
 * (lib/runner/packer/run-configuration.ts), as is all that a fingerprint does not know of. Every path in it is relative to
 * the scratch folder, everything volatile or secret is a variable, so that its text can be hashed.
 * @throws VisaImageError for whatever in the template cannot be used
 */
export function renderConfiguration(options: RenderOptions): RenderedTemplate {
  const { template, renderer, guestFolder } = options;
  const { provisioners, postprocessors } = template.parts;
  const values = new TypedValues(renderer);
  const files = new StagedFiles(template.name, options);
  const { step, warnings } = qemuStep(template);
  const builder = new QemuBuilder(step, values, files, filesOf(template));
  for (const file of guestFiles(guestFolder)) files.add(file, file.path);
  if (postprocessors.length > 0) {
    warnings.push(
      `${at(postprocessors[0]?.locate([]))}post-processors of "${template.name}" are not run: visa-image converts and publishes the disk itself`,
    );
  }
  const problems = new Problems();
  const source = problems.attempt(() => layerSource(builder, files, options)) ?? {};
  const steps = problems.attempt(() => renderProvisioners(provisioners, builder.names, values, files));
  const machine = problems.attempt(() => builder.machine()) ?? {};
  problems.throwAny();
  return {
    ...assemble(options, source, steps?.provisioners ?? []),
    places: { ...(step && placesOf(step, ["source", "qemu", sourceName(template.name)])), ...steps?.places },
    files: files.list(),
    fileInputs: files.inputs(),
    machine,
    warnings,
    excluded: files.excluded(),
    unresumable: steps?.unresumable ?? [],
  };
}

/** A whole configuration, and what it uses. */
export function assemble(
  { template, secrets }: RenderOptions,
  source: Record<string, unknown>,
  provisioners: readonly unknown[],
): Pick<RenderedTemplate, "configuration" | "structure" | "variables" | "secrets"> {
  const shown = texts([source, provisioners]);
  const used = new Set(shown.flatMap((text) => text.packerVariables()));
  const usedSecrets = secrets.filter(({ name }) => used.has(name));
  const name = sourceName(template.name);
  const tree = {
    variable: {
      ...RUNNER_VARIABLES,
      ...Object.fromEntries(
        usedSecrets.map((secret) => [secret.name, { type: "string", default: "", sensitive: true }]),
      ),
    },
    source: { qemu: { [name]: source } },
    build: [{ sources: [`source.qemu.${name}`], ...(provisioners.length > 0 && { provisioner: provisioners }) }],
  };
  return {
    configuration: write(tree, "real") as Record<string, unknown>,
    structure: write(tree, "structure") as Record<string, unknown>,
    variables: [...new Set(shown.flatMap((text) => text.variables()))].sort(),
    secrets: usedSecrets,
  };
}

/** The one builder that counts, undefined where a template has none; and what is odd about the others. */
export function qemuStep(template: Template): { step: Step | undefined; warnings: string[] } {
  const { builders } = template.parts;
  const [first, second] = builders.filter(({ type }) => type === "qemu");
  const other = builders.find(({ type }) => type !== "qemu");
  if (second) {
    throw usageError(
      "a template has one qemu builder, and here is another",
      second.locate([]),
      "remove one of the two",
    );
  }
  if (other && !first) {
    throw usageError(`the builder type "${other.type}" is not supported`, other.locate(["type"]), 'use "type: qemu"');
  }
  const warnings = other ? [`${at(other.locate([]))}the builder of type "${other.type}" is left out`] : [];
  return { step: first, warnings };
}

/** The files of a template's first step, which are its own. */
export function filesOf({ parts }: Template): FileScope | undefined {
  return parts.provisioners[0]?.files ?? parts.builders[0]?.files;
}

function layerSource(
  builder: QemuBuilder,
  files: StagedFiles,
  { diskSize, onInstaller }: RenderOptions,
): Record<string, unknown> {
  const own = builder.settings(onInstaller ? INSTALLER_KEYS : undefined);
  const { scope } = builder;
  if (!onInstaller && scope && existsSync(join(scope.folder, "http"))) {
    own.http_directory = files.addNamed("http", scope, "folder");
    own.http_bind_address = "127.0.0.1";
  }
  return {
    ...builder.hardware(own, diskSize),
    disk_image: true,
    use_backing_file: true,
    iso_url: "parent.qcow2",
    // 1.6.6 leaves the format of the backing file out, which QEMU 6.1 and later refuse; a second -F does no harm.
    qemu_img_args: { create: ["-F", "qcow2"] },
    ...LOGIN,
    ssh_private_key_file: "build-key",
    // A config drive as Nova makes it: /openstack/latest/meta_data.json and user_data on a volume of this name.
    cd_files: ["seed/openstack"],
    cd_label: "config-2",
  };
}

/** A template's name as Packer takes one. */
function sourceName(name: string): string {
  const clean = name.replaceAll(/[^A-Za-z0-9_-]/g, "-");
  return /^[A-Za-z_]/.test(clean) ? clean : `_${clean}`;
}

function at(location: Location | undefined): string {
  return location ? `${location.file}:${location.line ?? 1}: ` : "";
}

/** The rendered texts in a tree of values: what of a template its configuration shows. */
function texts(value: unknown): Text[] {
  if (value instanceof Text) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}
