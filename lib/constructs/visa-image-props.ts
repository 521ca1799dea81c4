import type { TerraformProvider } from "#cdktf";
import { type BootBudget, type BootStep, checkBootBudget } from "../boot-budget";
import { VisaImageError } from "../errors";
import type {
  BuilderName,
  BuildSpecification,
  CacheSource,
  DiskFormat,
  Firmware,
  LayerSpecification,
  MachineOptions,
} from "../specification";
import type { SpecifyOptions } from "../specify/specify-options";
import type { RebuildWhen } from "../stale/rebuild-when";
import type { Catalog } from "../template/catalog";
import { type AcceptanceProps, checkAcceptance } from "./acceptance";
import { checkGlanceArguments } from "./glance-limits";
import type { OwnerUserData } from "./owner-user-data";
import type { ImageVisibility } from "./release-family";
import { refuseToken } from "./text";
import { checkWebDownload, type WebDownloadProps } from "./web-download";

/** Time limits, as Terraform writes durations ("45m"). */
export interface VisaImageTimeouts {
  /**
   * For the upload. The provider finishes one that takes longer, and then calls it failed; from its version 3 on it cuts
   * it off.
   * @default - what the disk takes at 1 MB/s (a raw disk may be sent with all its zeros), and 20 min
   */
  readonly create?: string;
}

/** Properties of a {@link VisaImage}. */
export interface VisaImageProps {
  /** Name of the template whose disk becomes the image. */
  readonly template: string;
  /**
   * Where the template and those that it extends are looked for.
   * @default - the templates of this package
   */
  readonly catalog?: Catalog;
  /**
   * Values for the templates' variables, by template.
   * @default - what the templates' environment.yml and the environment say
   */
  readonly variables?: SpecifyOptions["variables"];
  /**
   * Free text, for example "2026-11": another one asks for a new build of the same inputs. Plans call it `refresh`.
   * @default - none
   */
  readonly cacheBuster?: string;
  /** @deprecated cacheBuster */
  readonly refresh?: string;
  /**
   * When `visa-image stale --update` writes into the lock that layers of this image are to be built anew from the same
   * inputs. The next plan says why; synth itself looks at no package (docs/know.md).
   * @default - never
   */
  readonly rebuildWhen?: RebuildWhen;
  /**
   * PEM file of VISA's PAM public key, to be baked into the image.
   * @default - none: instances take it from their metadata
   */
  readonly pamPublicKeyFile?: string;
  /**
   * Who runs the machines that build: QEMU where Terraform runs, or the Nova of `OS_*`; `machine` has its flavour and network
   * (docs/how-to-builder.md). The image and its fingerprint are the same; to change it builds nothing anew.
   * @default - `machine.builder`, else what the environment of the build and the templates say, else "qemu"
   */
  readonly builder?: BuilderName;
  /**
   * Settings of the machine that builds; to change them builds nothing anew.
   * @default - the runner's
   */
  readonly machine?: MachineOptions;
  /**
   * "glance": layers that the building machine's cache does not have are taken from Glance, where it has them: the images of
   * this project whose `visa_fingerprint` is the layer's. Only what was registered is there, so `visa-base` is for those
   * who register it as an image of its own. The cloud has to be in the environment (`OS_*`, clouds.yaml), and what it
   * has is checked (docs/releases.md). To change it builds nothing.
   * @default - nowhere: they are built
   */
  readonly cacheFrom?: CacheSource;
  /** @deprecated cacheFrom: "glance" */
  readonly parentsFromGlance?: boolean;
  /**
   * The layers, specified already, instead of `catalog`, `variables`, `cacheBuster` and `pamPublicKeyFile`.
   * @default - specified from these
   */
  readonly specification?: BuildSpecification;
  /**
   * Name in Glance. Changed in place.
   * @default - the template's name
   */
  readonly imageName?: string;
  /**
   * Who may see it in Glance. "public" takes an administrator's rights in most clouds.
   * @default "private" the project's members, VISA's own user among them
   */
  readonly visibility?: ImageVisibility;
  /**
   * Smallest disk of an instance, in GiB: at least the size of the image's disk.
   * @default - the size of the image's disk
   */
  readonly minDiskGb?: number;
  /**
   * Smallest memory of an instance, in MiB.
   * @default 2048
   */
  readonly minRamMb?: number;
  /**
   * Format of the image in Glance. Another one makes a new image from the same disk.
   * @default "raw" which a Ceph store clones without conversion
   */
  readonly diskFormat?: DiskFormat;
  /**
   * What Nova boots the image by: `hw_firmware_type`, with `uefi` also `hw_machine_type` (q35). The gate boots it so too,
   * with Secure Boot on; its template has to promise it (`contract: … uefi` in manifest.yml; the shipped ones do). For a
   * cloud that insists on Secure Boot add `properties: { os_secure_boot: "required" }`.
   * @default "bios"
   */
  readonly firmware?: Firmware;
  /**
   * Properties of the image, beside and over those that this package sets (`hw_*`, `os_*`, `architecture`). Another
   * value of an `os_*` makes a new image, since neither Glance nor the provider changes one. `visa_*` are taken.
   * @default - those of this package
   */
  readonly properties?: Readonly<Record<string, string>>;
  /**
   * Tags in Glance.
   * @default - none
   */
  readonly tags?: readonly string[];
  /**
   * Whether the disk is booted and checked before it is registered: for all that its template promises of VISA's
   * contract (`contract` in manifest.yml). What does not pass is never uploaded.
   * @default true
   */
  readonly verify?: boolean;
  /**
   * How much slower than the release in use a new one may boot, by the times that the gate measures and a deploy keeps
   * beside the lock: one that is slower is not uploaded, and the gate names the units that grew. The first release is
   * compared with nothing (docs/verifying.md).
   * @default - as slow as it likes
   */
  readonly bootBudget?: BootBudget;
  /**
   * Has the cloud boot an instance of a new release, once it is uploaded, and looks at it as `verify` does at the disk: only
   * what passed is shown, and until then the release before stays in use. To add or change it makes no new image; the one
   * in use is then tried again (docs/verifying.md).
   * @default - none
   */
  readonly acceptance?: AcceptanceProps;
  /**
   * Whether Glance refuses to delete the image and its past releases, whoever asks: also `terraform destroy`.
   * @default true
   */
  readonly protected?: boolean;
  /**
   * Past releases that stay in Terraform's hands, hidden; older ones are forgotten, and stay in Glance.
   * @default 1
   */
  readonly retain?: number;
  /**
   * The release to use: 12 digits of one that the lock knows (`npx visa-image lock show`). A rollback, or an image that
   * was adopted: it becomes visible again, the one that is in use is hidden, and nothing is built, verified or uploaded,
   * whatever the templates say by now.
   * @default - the one that follows from the templates
   */
  readonly release?: string;
  /**
   * The lock that remembers the releases.
   * @default - visa-images.lock.json in the current folder, which is the one of cdktf.json
   */
  readonly lockFile?: string;
  /**
   * UUID of a certificate in Barbican, by which Glance checks the disk's bytes at the upload, and Nova at each start
   * (`img_signature` and what belongs to it). The build then signs the disk with the certificate's key, of P-384:
   * `VISA_SIGNING_KEY_FILE` in its environment. It counts for images that are yet to be made, and in no destination.
   * @default - Glance checks no signature
   */
  readonly signatureCertificateUuid?: string;
  /**
   * Has Glance fetch the disk from a web server of yours, where its import API has `web-download`, instead of an upload by
   * the provider. With `diskFormat: "qcow2"` only what is in use is sent, which pays where the line to Glance is slow. A cloud that converts images as
   * they come (`image_import_plugins`) then has it as raw all the same. The deploy copies the disk into the folder, under a
   * name with the release's digits, and takes it away once the image is registered; meanwhile whoever knows the name can
   * read it. To add or take it away changes no image that exists. It counts in no destination (docs/real-cloud.md).
   * @default - the provider uploads it
   */
  readonly webDownload?: WebDownloadProps;
  /**
   * The image's user data, of which synth makes {@link VisaImage.bootCommandFile}.
   * @default - OwnerUserData.script()
   */
  readonly userData?: OwnerUserData;
  /**
   * Whether to make the outputs `<id>_image_id`, `<id>_image_name`, `<id>_fingerprint` and `<id>_boot_command_file`.
   * @default false
   */
  readonly outputs?: boolean;
  /** @default - see {@link VisaImageTimeouts} */
  readonly timeouts?: VisaImageTimeouts;
  /** @default - the stack's OpenStack provider */
  readonly provider?: TerraformProvider;
}

/** @throws VisaImageError where a value is none, or only Terraform knows what synth has to look into */
export function checkProps(props: VisaImageProps): void {
  const { template, variables, cacheBuster, pamPublicKeyFile, diskFormat, minDiskGb, retain, lockFile } = props;
  const literal = {
    ...{ template, cacheBuster, pamPublicKeyFile, diskFormat, minDiskGb, retain, lockFile },
    release: props.release,
  };
  for (const [name, value] of Object.entries(literal)) refuseToken(name, value);
  refuseToken("protected", props.protected);
  refuseToken("verify", props.verify);
  refuseToken("cacheFrom", props.cacheFrom);
  refuseToken("builder", props.builder);
  refuseToken("firmware", props.firmware);
  refuseToken("properties.hw_firmware_type", props.properties?.hw_firmware_type);
  for (const [name, value] of Object.entries(props.machine ?? {})) refuseToken(`machine.${name}`, value);
  refuseToken("variables", variables);
  refuseToken("properties", props.properties);
  for (const [name, values] of Object.entries(variables ?? {})) {
    refuseToken(`variables.${name}`, values);
    for (const [key, value] of Object.entries(values)) refuseToken(`variables.${name}.${key}`, value);
  }
  for (const [name, value] of Object.entries(props.properties ?? {})) {
    if (name.startsWith("os_")) refuseToken(`properties.${name}`, value);
    if (name.startsWith("visa_")) {
      throw new VisaImageError(`the property "${name}" is one that this package sets`, {
        fix: "give it a name that does not begin with visa_",
      });
    }
  }
  checkRebuildWhen(props);
  checkBudget(props);
  checkAcceptance(props.acceptance);
  checkGlanceArguments(props);
  checkWebDownload(props.webDownload);
  if (props.webDownload && props.signatureCertificateUuid !== undefined) {
    throw new VisaImageError(
      '"signatureCertificateUuid" does not go with "webDownload": the signature is of the bytes that are uploaded, and a cloud may convert what it fetches',
      {
        fix: "leave out one of the two",
      },
    );
  }
  if (retain !== undefined && (!Number.isInteger(retain) || retain < 0)) {
    throw new VisaImageError(`"retain" is ${retain}, expected a whole number of releases`, { fix: "retain: 1" });
  }
}

function checkBudget({ bootBudget, verify }: VisaImageProps): void {
  if (!bootBudget) return;
  refuseToken("bootBudget", bootBudget);
  for (const [step, share] of Object.entries(bootBudget)) refuseToken(`bootBudget.${step}`, share);
  checkBootBudget(bootBudget);
  if (verify ?? true) return;
  throw new VisaImageError('"bootBudget" does not go with "verify: false": nothing is booted', {
    fix: "leave out one of the two",
  });
}

/** @throws VisaImageError where the budget is about what the template does not promise, so that nobody would look at it */
export function checkPromisedBudget(budget: BootBudget | undefined, layer: LayerSpecification): void {
  for (const step of Object.keys(budget ?? {}) as BootStep[]) {
    const part = step === "owner" ? "boot" : "desktop";
    if (layer.contract.includes("boot") && layer.contract.includes(part)) continue;
    throw new VisaImageError(`"bootBudget.${step}" is set, and "${layer.name}" does not promise "${part}"`, {
      fix: `contract: ${["boot", ...layer.contract, part].filter((each, i, all) => all.indexOf(each) === i).join(" ")} in its manifest.yml; or leave out ${step}`,
    });
  }
}

function checkRebuildWhen({ rebuildWhen, specification }: VisaImageProps): void {
  if (!rebuildWhen) return;
  for (const [name, value] of Object.entries(rebuildWhen)) refuseToken(`rebuildWhen.${name}`, value);
  if (specification) {
    throw new VisaImageError('"rebuildWhen" does not go with "specification", whose layers are fingerprinted already', {
      fix: "give a template and a catalog, or specify with layerRefreshes of your own",
    });
  }
  const { olderThanDays: days } = rebuildWhen;
  if (days !== undefined && !(Number.isFinite(days) && days > 0)) {
    throw new VisaImageError(`"rebuildWhen.olderThanDays" is ${days}, expected a number of days`, {
      fix: "olderThanDays: 30",
    });
  }
}

/** The layer whose disk becomes the image. */
export function lastLayer(specification: BuildSpecification, template: string): LayerSpecification {
  const layer = specification.layers.at(-1);
  if (layer?.name === template) return layer;
  throw new VisaImageError(`the specification ends at "${layer?.name ?? ""}", not at the template "${template}"`, {
    fix: "specify the template that the image is made from",
  });
}

/** In GiB. @throws VisaImageError where the disk is larger */
export function checkMinDisk(minDiskGb: number, layer: LayerSpecification): number {
  if (minDiskGb >= layer.diskSizeGb) return minDiskGb;
  throw new VisaImageError(
    `minDiskGb is ${minDiskGb}, but the disk of the template "${layer.name}" has ${layer.diskSizeGb} GiB`,
    { fix: `minDiskGb: ${layer.diskSizeGb}, or a smaller disk in the template` },
  );
}

/** In MB/s: an upload that is slower than this takes a timeout of its own. */
const SLOWEST_UPLOAD = 1;

/** As Terraform writes durations. */
export function uploadTimeout(diskSizeGb: number): string {
  const minutes = (diskSizeGb * 1024) / SLOWEST_UPLOAD / 60 + 20;
  return `${Math.ceil(minutes)}m`;
}
