/** The public API of cdktf-visa-images. */

export { PRESETS } from "./build-machine";
export { CurrentRelease } from "./constructs/current-release";
export type {
  ExistingImageOptions,
  IVisaImage,
  NamedImageOptions,
} from "./constructs/existing-image";
export { ImageDestination, type ImageDestinationOptions } from "./constructs/image-destination";
export { LayerBuild, type LayerChainOptions, type LayerOutput } from "./constructs/layer-build";
export { OwnerUserData, type OwnerUserDataOptions } from "./constructs/owner-user-data";
export { PastRelease } from "./constructs/past-release";
export type { ImageVisibility, IRelease, ReleaseFamily } from "./constructs/release-family";
export { TerraformData, type TerraformDataConfig } from "./constructs/terraform-data";
export { Verification, type VerificationProps } from "./constructs/verification";
export { VisaImage } from "./constructs/visa-image";
export type { VisaImageProps, VisaImageTimeouts } from "./constructs/visa-image-props";
export { VisaInstance, type VisaInstanceProps } from "./constructs/visa-instance";
export {
  VisaNetwork,
  type VisaNetworkProps,
  VisaSecurityGroup,
  type VisaSecurityGroupProps,
} from "./constructs/visa-network";
export { ExitCode, type Location, VisaImageError, type VisaImageErrorOptions } from "./errors";
export { type LockedCloud, type Release, type ReleaseLock, readLock } from "./releases/release-lock";
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
