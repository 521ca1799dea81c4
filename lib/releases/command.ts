/** `visa-image lock`: what Terraform runs after an image is registered, and what a person does about the lock by hand. */
import { createHash } from "node:crypto";
import { tmpdir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { acquireLock } from "../build/lock";
import { VisaImageError } from "../errors";
import { credentialsFrom, type Environment, Glance, type GlanceImage } from "./glance";
import { LOCK_FILE, type Release, readLock, withoutRelease, withRelease, writeLock } from "./lock";

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
  /** @default process.env */
  readonly environment?: Environment;
}

/**
 * Protects a registered image (or takes its protection away) and writes it into the lock.
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
  if (image.protected !== options.protected) await glance.protect(image.id, options.protected);
  return update(options.file, (lock) => withRelease(lock, options.image, releaseFrom(options, image)));
}

/** Takes a release out of the lock; its image, if there is one, stays in Glance. */
export async function removeRelease(file: string, image: string, release: string): Promise<boolean> {
  return update(file, (lock) => {
    const releases = lock.images[image] ?? [];
    if (releases.some((each) => each.release === release)) return withoutRelease(lock, image, release);
    const known = releases.map((each) => each.release).join(", ") || "none";
    throw new VisaImageError(`the lock has no release "${release}" of "${image}"`, {
      location: { file },
      fix: `name one of: ${known}`,
    });
  });
}

function releaseFrom(options: AddReleaseOptions, image: GlanceImage): Release {
  return {
    release: options.release,
    fingerprint: options.fingerprint,
    template: options.template,
    name: image.name,
    diskFormat: image.disk_format === "qcow2" ? "qcow2" : "raw",
    imageId: image.id,
    sha512: image.os_hash_algo === "sha512" ? (image.os_hash_value ?? "") : "",
    sizeBytes: image.size ?? 0,
    registered: image.created_at,
  };
}

/** Two images of one deploy are registered at the same time: one after the other reads and writes the file. */
async function update(
  path: string,
  change: (lock: ReturnType<typeof readLock>) => ReturnType<typeof readLock>,
): Promise<boolean> {
  const file = resolve(path);
  const name = createHash("sha256").update(file).digest("hex").slice(0, 16);
  const held = await acquireLock(join(tmpdir(), `visa-images-${userInfo().uid}`), name, () => {});
  try {
    const before = readLock(file);
    const after = change(before);
    writeLock(file, after);
    return JSON.stringify(before) !== JSON.stringify(after);
  } finally {
    await held.release();
  }
}

/** The sub-command `lock` of `visa-image`. */
export function lockCommand(): Command {
  const file = () => new Option("--file <path>", "path of the lock").default(LOCK_FILE);
  const lock = new Command("lock").description(`the releases in ${LOCK_FILE}`);

  lock
    .command("show")
    .description("list the releases, the oldest first")
    .addOption(file())
    .option("--json", "for programs")
    .action((options) => {
      if (options.json) {
        process.stdout.write(`${JSON.stringify(readLock(options.file).images, null, 2)}\n`);
        return;
      }
      for (const [image, releases] of Object.entries(readLock(options.file).images)) {
        process.stdout.write(`${image}\n`);
        for (const each of releases) {
          process.stdout.write(`  ${each.release}  ${each.registered}  ${each.name}  ${each.imageId}\n`);
        }
      }
    });

  lock
    .command("add")
    .description("protect a registered image and write it into the lock (run by Terraform)")
    .addOption(file())
    .requiredOption("--image <stack/id>", "the image's key in the lock")
    .requiredOption("--release <digits>", "the release's 12 digits")
    .requiredOption("--fingerprint <digest>", "the layer's fingerprint")
    .requiredOption("--template <name>", "the layer's template")
    .requiredOption("--image-id <uuid>", "the image's id in Glance")
    .option("--protected", "have Glance refuse to delete the image", false)
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

  return lock as unknown as Command;
}
