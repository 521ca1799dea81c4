/** The two lists of what the package exports: a name more is a promise more. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as advanced from "../lib/advanced";
import * as root from "../lib/index";

/** Names that a file exports, types too. */
function exportsOf(file: string): string[] {
  const text = readFileSync(join(__dirname, "..", "lib", file), "utf8");
  expect(text).not.toContain("export *");
  const names = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list.split(",").map((name) => name.trim().replace(/^type /, "")),
  );
  return names.filter(Boolean).sort();
}

test("the root has what a stack of images is written with", () => {
  expect(Object.keys(root).sort()).toEqual([
    "BaseImage",
    "Catalog",
    "OwnerUserData",
    "Provisioner",
    "Template",
    "VisaFlavor",
    "VisaImage",
    "VisaImageError",
    "VisaInstance",
    "VisaNetwork",
    "VisaRegistration",
    "VisaSecurityGroup",
  ]);
  expect(exportsOf("index.ts")).toEqual([
    "AcceptanceProps",
    "AutoAcceptExtensionRequest",
    "BaseImage",
    "BootBudget",
    "BootVolume",
    "BootstrapOptions",
    "BuilderName",
    "CacheSource",
    "Catalog",
    "CatalogOptions",
    "CloudImageOptions",
    "CommonProvisionerOptions",
    "DiskFormat",
    "ExistingImageOptions",
    "FileBaseOptions",
    "FileOptions",
    "Firmware",
    "IRelease",
    "IVisaFlavor",
    "IVisaImage",
    "IVisaNetwork",
    "ImageDestination",
    "ImageDestinationOptions",
    "ImageVisibility",
    "InstallerOptions",
    "InstanceNetwork",
    "MachineOptions",
    "MachinePreset",
    "NamedFlavorOptions",
    "NamedImageOptions",
    "NamedNetworkOptions",
    "OwnerUserData",
    "OwnerUserDataOptions",
    "Provisioner",
    "RebuildWhen",
    "SchedulerHints",
    "ShellOptions",
    "Template",
    "TemplateOptions",
    "VisaChannel",
    "VisaFlavor",
    "VisaFlavorProps",
    "VisaImage",
    "VisaImageError",
    "VisaImageProps",
    "VisaImageTimeouts",
    "VisaInstance",
    "VisaInstanceProps",
    "VisaNetwork",
    "VisaNetworkProps",
    "VisaPlans",
    "VisaProtocol",
    "VisaRegistration",
    "VisaRegistrationProps",
    "VisaSecurityGroup",
    "VisaSecurityGroupProps",
    "WebDownloadProps",
  ]);
});

test("the rest is in advanced, and nothing is in both", () => {
  expect(Object.keys(advanced).sort()).toEqual([
    "ExitCode",
    "LayerBuild",
    "PRESETS",
    "SPECIFICATION_VERSION",
    "TerraformData",
    "Verification",
    "readLock",
    "relativeTo",
    "specify",
  ]);
  expect(exportsOf("advanced.ts")).toEqual([
    "Base",
    "BootstrapBase",
    "BuildSpecification",
    "CloudImageBase",
    "ExcludedFile",
    "ExitCode",
    "FileBase",
    "FirstUse",
    "InstallerBase",
    "InstallerMedium",
    "LayerBuild",
    "LayerChainOptions",
    "LayerOutput",
    "LayerSpecification",
    "Location",
    "LockedCloud",
    "OutputSpecification",
    "PRESETS",
    "ParentsFromGlance",
    "Release",
    "ReleaseFamily",
    "ReleaseLock",
    "Revocation",
    "SPECIFICATION_VERSION",
    "SecretVariable",
    "SpecifiedFile",
    "SpecifyOptions",
    "TemplateBase",
    "TerraformData",
    "TerraformDataConfig",
    "Verification",
    "VerificationProps",
    "VisaImageErrorOptions",
    "readLock",
    "relativeTo",
    "specify",
  ]);
  expect(exportsOf("advanced.ts").filter((name) => exportsOf("index.ts").includes(name))).toEqual([]);
});
