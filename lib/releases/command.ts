/** `visa-image lock`: what Terraform runs after an image is registered, and what a person does about the lock by hand. */
import { Command, Option } from "@commander-js/extra-typings";
import { Glance, type GlanceImage } from "../cloud/glance";
import { credentialsFrom } from "../cloud/keystone";
import type { Environment } from "../cloud/proxy";
import { ExitCode, VisaImageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { changeLock } from "./change-lock";
import { Clouds } from "./clouds";
import { refuseRevokedImage, refuseUnverified } from "./gate-evidence";
import { leftovers } from "./leftovers";
import { provenanceProperties, readProvenance } from "./provenance";
import { count } from "./prune-command";
import { releaseFromImage } from "./reconcile";
import { isSnapshot, PROTECTED_BY_US, releaseProperties } from "./release";
import { forgetRelease, keepReleaseFiles } from "./release-files";
import {
  type ImageInUse,
  LOCK_FILE,
  type Release,
  readLock,
  withoutRelease,
  withRelease,
  withReleaseInUse,
  withReleases,
} from "./release-lock";
import { renameCommand } from "./rename";
import { lockDifferences, syncLock } from "./sync";
import { signRegistered } from "./trust/sign-release";
import { takeDiskAway } from "./web-download";

/** What a person does where lock and Glance differ. */
const SYNC_FIX = "run 'npx visa-image lock sync' and deploy again";

/** What a person does about images that were never registered. */
const PRUNE_FIX = "run 'npx visa-image prune'";

/** What {@link addRelease} is told. */
export interface AddReleaseOptions {
  /** Path of the lock. */
  readonly file: string;
  /** `<stack>/<id>` of the image. */
  readonly image: string;
  /** The release's 12 digits. */
  readonly release: string;
  /** The layer's whole fingerprint. */
  readonly fingerprint: string;
  readonly template: string;
  /** The image's id in Glance. */
  readonly imageId: string;
  /** Whether Glance is to refuse to delete it. */
  readonly protected: boolean;
  /** Whether it is to be shown in Glance's listings. @default - as it is */
  readonly visible?: boolean;
  /** The specification that the gate verifies. @default - the image goes without a gate */
  readonly gate?: string;
  /** The file that Glance fetched it from. @default - the provider uploaded it, and compared a checksum */
  readonly sent?: string;
  /** Where that was for Glance: it is taken away. @default - nowhere */
  readonly served?: string;
  /** @default process.env */
  readonly environment?: Environment;
}

/**
 * Protects a registered image (or takes its protection away), writes onto it where it came from, as far as this machine's
 * cache knows, shows it, and writes it into the lock.
 *
 * Does nothing that is done already. The protection comes only now, since an image that Glance protects from the start
 * cannot be deleted when its upload fails, and then every later deploy fails too.
 *
 * @returns whether the lock had another entry for the release, or none
 */
export async function addRelease(options: AddReleaseOptions): Promise<boolean> {
  const glance = await Glance.connect(credentialsFrom(options.environment ?? process.env));
  const image = await glance.image(options.imageId);
  if (image?.status !== "active") {
    throw new VisaImageError(
      `the image "${options.imageId}" is ${image ? image.status : "not in Glance"}, not active`,
      {
        fix: "deploy again",
      },
    );
  }
  await refuseUnverified(glance, image, options);
  refuseRevokedImage(image, options);
  await describe(glance, image, options);
  const known = readLock(options.file).images[options.image]?.some(({ imageId }) => imageId === image.id) ?? false;
  await signRegistered(glance, image, { ...options, known, warn });
  if (image.protected !== options.protected) await protect(glance, image, options.protected);
  if (options.visible && image.os_hidden) await glance.update(image.id, { os_hidden: false });
  const { release, fingerprint, template } = options;
  const registered = { ...releaseFromImage(image), release, fingerprint, template };
  const changed = await changeLock(options.file, (lock) => withRelease(lock, options.image, registered));
  if (options.served !== undefined) await takeDiskAway(options.served);
  return changed;
}

/** What {@link useRelease} is told. */
export interface UseReleaseOptions
  extends ImageInUse,
    Pick<AddReleaseOptions, "file" | "image" | "release" | "environment"> {}

/**
 * Writes into the lock which release is in use.
 *
 * @returns what is to be told: what the lock says otherwise than Glance, and what stopped uploads have left
 * @throws VisaImageError where the lock has no such release
 */
export async function useRelease(options: UseReleaseOptions): Promise<readonly string[]> {
  const { file, image, release } = options;
  let known: readonly Release[] = [];
  await changeLock(file, (lock) => {
    known = lock.images[image] ?? [];
    if (known.some((each) => each.release === release)) return withReleaseInUse(lock, image, release, options);
    throw new VisaImageError(`the lock has no release "${release}" of "${image}", which is in use`, {
      location: { file },
      fix: SYNC_FIX,
    });
  });
  const glance = await Glance.connect(credentialsFrom(options.environment ?? process.env));
  const owned = await glance.images({ visa_image: image });
  const differences = await lockDifferences(glance, image, known, owned);
  const left = leftovers(owned, known);
  return [
    ...(differences.length > 0 ? [`${file} and Glance differ: ${SYNC_FIX}`, ...differences.map(indent)] : []),
    ...(left.length > 0 ? [`a stopped upload left images in Glance: ${PRUNE_FIX}`, ...left.map(describeLeftover)] : []),
  ];
}

function indent(line: string): string {
  return `  ${line}`;
}

function describeLeftover({ id, status, created_at }: GlanceImage): string {
  return `  ${id}, ${status}, of ${created_at}`;
}

/** What {@link checkLock} is told. */
export interface CheckLockOptions extends Pick<AddReleaseOptions, "file" | "image" | "environment"> {
  /** The releases that Terraform's state has. */
  readonly releases: readonly string[];
}

/**
 * Does nothing where the lock has these releases.
 *
 * @throws VisaImageError where it lacks one whose image is in Glance: Terraform is about to delete that
 */
export async function checkLock(options: CheckLockOptions): Promise<void> {
  const { file, image, releases } = options;
  const known = readLock(file).images[image] ?? [];
  const lacking = releases.filter((release) => !known.some((each) => each.release === release));
  if (lacking.length === 0) return;
  const glance = await Glance.connect(credentialsFrom(options.environment ?? process.env));
  const images = await glance.images({ visa_image: image });
  const left = images.filter((each) => !isSnapshot(each) && lacking.includes(String(each.visa_release)));
  if (left.length === 0) return;
  const names = left.map((each) => `${each.visa_release} (image ${each.id})`).join(", ");
  throw new VisaImageError(`the lock lacks releases of "${image}" that Terraform has, and would delete: ${names}`, {
    location: { file },
    fix: `take the lock that the last deploy wrote (git pull), or ${SYNC_FIX}`,
    exitCode: ExitCode.CHANGED,
  });
}

/** What {@link adoptImage} is told. */
export interface AdoptImageOptions extends Pick<AddReleaseOptions, "file" | "image" | "imageId" | "environment"> {}

/**
 * Takes an image that was made elsewhere into the lock, as a release of the past: the next deploy imports it, and hides it
 * once another release is in use. With the prop `release` it is the one in use. Its data stay as they are; it gets the
 * properties that say whose release it is.
 *
 * @returns the release
 * @throws VisaImageError where Glance has no such image, or another image of this package has it
 */
export async function adoptImage(options: AdoptImageOptions): Promise<Release> {
  const { file, image: key, imageId } = options;
  const glance = await new Clouds(readLock(file), options.environment).of(key);
  const image = await glance.image(imageId);
  if (image?.status !== "active") {
    throw new VisaImageError(`the image "${imageId}" is ${image ? image.status : "not in Glance"}, not active`, {
      fix: "give the id of an active image: openstack image list",
    });
  }
  if (image.visa_image !== undefined && image.visa_image !== key) {
    throw new VisaImageError(`the image "${imageId}" is a release of "${image.visa_image}"`, {
      fix: `openstack image unset --property visa_image ${imageId}, where that one no longer needs it`,
    });
  }
  if (isSnapshot(image)) {
    throw new VisaImageError(`the image "${imageId}" is a snapshot of an instance, which is nobody's release`, {
      fix: `make an image of its own from it: openstack image save --file disk ${imageId}, openstack image create --file disk --disk-format ${image.disk_format} NAME; and adopt that`,
    });
  }
  if (image.disk_format !== "raw" && image.disk_format !== "qcow2") {
    throw new VisaImageError(`the image "${imageId}" has the disk format ${image.disk_format}`, {
      fix: "adopt a raw or qcow2 image",
    });
  }
  const made = sha256(`adopted v1 ${image.id} ${image.os_hash_value}`);
  const own = releaseFromImage(image, { release: short(made), fingerprint: made, template: "adopted" });
  await glance.update(image.id, {
    ...releaseProperties(key, own.release),
    visa_fingerprint: own.fingerprint,
    visa_template: own.template,
  });
  await changeLock(file, (lock) => {
    const releases = lock.images[key] ?? [];
    if (releases.some((each) => each.release === own.release)) return withRelease(lock, key, own);
    // Before the others: the last one is in use.
    return withReleases(lock, key, [...releases.slice(0, -1), own, ...releases.slice(-1)]);
  });
  return own;
}

function warn(text: string): void {
  process.stderr.write(`warning: ${text}\n`);
}

/** Says where it came from, on the image and beside the lock. Never takes away what another machine knew. */
async function describe(glance: Glance, image: GlanceImage, options: AddReleaseOptions): Promise<void> {
  const cache = new Cache(cacheRoot({ ...(options.environment ?? process.env) }));
  const provenance = await readProvenance(cache, options.fingerprint);
  const properties = Object.entries(provenance ? provenanceProperties(provenance) : {});
  await glance.update(image.id, Object.fromEntries(properties.filter(([name, value]) => image[name] !== value)));
  if (provenance) await keepReleaseFiles(options.file, options.release, provenance);
}

async function protect(glance: Glance, image: GlanceImage, on: boolean): Promise<void> {
  const by = on ? PROTECTED_BY_US : undefined;
  await glance.update(image.id, {
    protected: on,
    ...((on || image.visa_protected_by !== undefined) && { visa_protected_by: by }),
  });
}

/** Takes a release out of the lock; its image, if there is one, stays in Glance. */
export async function removeRelease(file: string, image: string, release: string): Promise<boolean> {
  return forgetRelease(file, release, (lock) => {
    const releases = lock.images[image] ?? [];
    if (releases.some((each) => each.release === release)) return withoutRelease(lock, image, release);
    const known = releases.map((each) => each.release).join(", ") || "none";
    throw new VisaImageError(`the lock has no release "${release}" of "${image}"`, {
      location: { file },
      fix: `name one of: ${known}`,
    });
  });
}

/** The sub-command `lock` of `visa-image`. */
export function lockCommand(): Command {
  const file = () => new Option("--file <path>", "path of the lock").default(LOCK_FILE);
  const lock = new Command("lock").description(`the releases in ${LOCK_FILE}`);

  lock
    .command("show")
    .description("list the releases in the order of their use")
    .addOption(file())
    .option("--json", "for programs")
    .action((options) => {
      if (options.json) {
        process.stdout.write(`${JSON.stringify(readLock(options.file).images, null, 2)}\n`);
        return;
      }
      const { images, revoked, retired } = readLock(options.file);
      for (const [image, releases] of Object.entries(images)) {
        process.stdout.write(`${image}\n`);
        for (const each of releases) {
          const states = [
            ...(each === releases.at(-1) ? ["  in use"] : []),
            ...(retired?.[each.release] ? ["  retired"] : []),
            ...(revoked?.[each.fingerprint] ? ["  revoked"] : []),
          ].join("");
          process.stdout.write(`  ${each.release}  ${each.registered}  ${each.name}  ${each.imageId}${states}\n`);
        }
      }
    });

  lock
    .command("add", { hidden: true })
    .description("protect and show an image, and write it into the lock (run by Terraform)")
    .addOption(file())
    .requiredOption("--image <stack/id>", "the image's key in the lock")
    .requiredOption("--release <digits>", "the release's 12 digits")
    .requiredOption("--fingerprint <digest>", "the layer's fingerprint")
    .requiredOption("--template <name>", "the layer's template")
    .requiredOption("--image-id <uuid>", "the image's id in Glance")
    .option("--protected", "have Glance refuse to delete the image", false)
    .option("--visible", "show the image in Glance's listings", false)
    .option("--gate <specification>", "refuse an image whose disk did not pass the gate")
    .option("--sent <file>", "the disk that Glance fetched: refuse an image that is another one")
    .option("--served <file>", "where that was for Glance: take it away")
    .action(async (options) => {
      const changed = await addRelease(options);
      const protection = options.protected ? "protected" : "not protected";
      process.stdout.write(
        `${options.image}: release ${options.release} is image ${options.imageId}, ${protection}, ` +
          `${changed ? "written to" : "already in"} ${options.file}\n`,
      );
    });

  lock
    .command("remove")
    .description("forget a release; its image stays in Glance")
    .addOption(file())
    .argument("<stack/id>", "the image's key in the lock")
    .argument("<release>", "the release's 12 digits")
    .action(async (image, release, options) => {
      await removeRelease(options.file, image, release);
      process.stdout.write(`${image}: release ${release} is no longer in ${options.file}\n`);
    });

  lock
    .command("use", { hidden: true })
    .description("write down which release is in use (run by Terraform)")
    .addOption(file())
    .requiredOption("--image <stack/id>", "the image's key in the lock")
    .requiredOption("--release <digits>", "the release's 12 digits")
    .requiredOption("--retain <n>", "past releases that the stack keeps", count)
    .option("--cloud <name>", "the entry of clouds.yaml that the provider names in code")
    .option("--region <name>", "the region that the provider names in code")
    .action(async (options) => {
      const warnings = await useRelease(options);
      process.stdout.write(`${options.image}: release ${options.release} is in use\n`);
      for (const line of warnings) process.stderr.write(`${line.startsWith(" ") ? "" : "warning: "}${line}\n`);
    });

  lock
    .command("check", { hidden: true })
    .description("fail where the lock lacks a release that Terraform has, in VISA_STATE_RELEASES (run by Terraform)")
    .addOption(file())
    .requiredOption("--image <stack/id>", "the image's key in the lock")
    .action(async (options) => {
      const releases = (process.env.VISA_STATE_RELEASES ?? "").split(" ").filter(Boolean);
      await checkLock({ ...options, releases });
    });

  lock
    .command("sync")
    .description("make the lock anew from what Glance has; Glance is only read")
    .addOption(file())
    .argument("[stack/id...]", "images (default: all that the lock, Glance or the state knows)")
    .option("--state <file>", "a state file too, for images that do not say whose they are")
    .option("--stack <name>", "the state's stack (default: by the file's name, terraform.<stack>.tfstate)")
    .option("--dry-run", "only say what would change")
    .action(async (images, options) => {
      for (const [image, { releases, differences, warnings }] of await syncLock({ ...options, images })) {
        const what = differences.length > 0 ? (options.dryRun ? "would change" : "changed") : "as it should be";
        process.stdout.write(`${image}: ${releases.length} releases, ${what}\n`);
        for (const difference of differences) process.stdout.write(`  ${difference}\n`);
        for (const warning of warnings) process.stderr.write(`  warning: ${warning}\n`);
      }
    });

  lock
    .command("adopt")
    .description("take an image that was uploaded by hand into the lock, so that the next deploy imports it")
    .addOption(file())
    .argument("<stack/id>", "the image's key in the lock")
    .argument("<image-id>", "the image's id in Glance")
    .action(async (image, imageId, options) => {
      const { release, name } = await adoptImage({ ...options, image, imageId });
      process.stdout.write(
        `${image}: the image "${name}" is release ${release}; to have it in use: release: "${release}"\n`,
      );
    });

  lock.addCommand(renameCommand());
  return lock as unknown as Command;
}
