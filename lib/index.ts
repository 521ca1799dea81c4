/** The public API of cdktf-visa-images. */

export { PRESETS } from "./build-machine";
export { CurrentRelease, type ImageVisibility, type IRelease, PastRelease } from "./constructs/image-release";
export { LayerBuild, type LayerChainOptions, type LayerOutput } from "./constructs/layer-build";
export { OwnerUserData, type OwnerUserDataOptions } from "./constructs/owner-user-data";
export { TerraformData, type TerraformDataConfig } from "./constructs/terraform-data";
export { Verification, type VerificationProps } from "./constructs/verification";
export {
  type ExistingImageOptions,
  type IVisaImage,
  type NamedImageOptions,
  VisaImage,
  type VisaImageProps,
  type VisaImageTimeouts,
} from "./constructs/visa-image";
export { VisaInstance, type VisaInstanceProps } from "./constructs/visa-instance";
export {
  VisaNetwork,
  type VisaNetworkProps,
  VisaSecurityGroup,
  type VisaSecurityGroupProps,
} from "./constructs/visa-network";
export { ExitCode, type Location, VisaImageError, type VisaImageErrorOptions } from "./errors";
export { type Lock, type Release, readLock } from "./releases/release-lock";
export * from "./specification";
export { relativeTo } from "./specify/relative-to";
export { specify } from "./specify/specify";
export type { SpecifyOptions } from "./specify/specify-options";
export { Catalog, type CatalogOptions } from "./template/catalog";
export {
  type CommonProvisionerOptions,
  type FileOptions,
  Provisioner,
  type ShellOptions,
} from "./template/provisioner";
export { Template, type TemplateBase, type TemplateInstaller, type TemplateOptions } from "./template/template";
