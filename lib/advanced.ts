/**
 * `cdktf-visa-images/advanced`: the parts that a `VisaImage` is made of, for constructs and programs of one's own.
 */

export { PRESETS } from "./build-machine";
export { LayerBuild, type LayerChainOptions, type LayerOutput } from "./constructs/layer-build";
export type { ReleaseFamily } from "./constructs/release-family";
export { TerraformData, type TerraformDataConfig } from "./constructs/terraform-data";
export { Verification, type VerificationProps } from "./constructs/verification";
export { ExitCode, type Location, type VisaImageErrorOptions } from "./errors";
export { type LockedCloud, type Release, type ReleaseLock, type Revocation, readLock } from "./releases/release-lock";
export {
  type Base,
  type BootstrapBase,
  type BuildSpecification,
  type CloudImageBase,
  type FileBase,
  type FirstUse,
  type InstallerBase,
  type InstallerMedium,
  type LayerSpecification,
  type OutputSpecification,
  type ParentsFromGlance,
  type SecretVariable,
  SPECIFICATION_VERSION,
  type SpecifiedFile,
} from "./specification";
export { relativeTo } from "./specify/relative-to";
export { specify } from "./specify/specify";
export type { SpecifyOptions } from "./specify/specify-options";
export type { TemplateBase } from "./template/base-image";
export type { ExcludedFile } from "./template/files";
