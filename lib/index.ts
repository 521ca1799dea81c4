/** The public API of cdktf-visa-images. What only those need who build constructs of their own on it is in `./advanced`. */

export type { BootBudget } from "./boot-budget";
export type { AcceptanceProps } from "./constructs/acceptance";
export type { ExistingImageOptions, IVisaImage, NamedImageOptions } from "./constructs/existing-image";
export type { ImageDestination, ImageDestinationOptions } from "./constructs/image-destination";
export { OwnerUserData, type OwnerUserDataOptions } from "./constructs/owner-user-data";
export type { ImageVisibility, IRelease } from "./constructs/release-family";
export { type IVisaFlavor, type NamedFlavorOptions, VisaFlavor, type VisaFlavorProps } from "./constructs/visa-flavor";
export { VisaImage } from "./constructs/visa-image";
export type { VisaImageProps, VisaImageTimeouts } from "./constructs/visa-image-props";
export { VisaInstance } from "./constructs/visa-instance";
export type { BootVolume, InstanceNetwork, SchedulerHints, VisaInstanceProps } from "./constructs/visa-instance-props";
export {
  type IVisaNetwork,
  type NamedNetworkOptions,
  VisaNetwork,
  type VisaNetworkProps,
  VisaSecurityGroup,
  type VisaSecurityGroupProps,
} from "./constructs/visa-network";
export { VisaRegistration } from "./constructs/visa-registration";
export type { VisaPlans, VisaRegistrationProps } from "./constructs/visa-registration-props";
export type { WebDownloadProps } from "./constructs/web-download";
export { VisaImageError } from "./errors";
export type { BuilderName, CacheSource, DiskFormat, Firmware, MachineOptions, MachinePreset } from "./specification";
export type { RebuildWhen } from "./stale/rebuild-when";
export {
  BaseImage,
  type BootstrapOptions,
  type CloudImageOptions,
  type FileBaseOptions,
  type InstallerOptions,
} from "./template/base-image";
export { Catalog, type CatalogOptions } from "./template/catalog";
export {
  type CommonProvisionerOptions,
  type FileOptions,
  Provisioner,
  type ShellOptions,
} from "./template/provisioner";
export { Template, type TemplateOptions } from "./template/template";
export type { AutoAcceptExtensionRequest, VisaChannel } from "./visa/wanted";
export type { VisaProtocol } from "./visa-protocols";
