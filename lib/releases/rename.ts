/** `visa-image lock rename`: another name for an image or a stack, whose releases stay what they are. */
import { Command, Option } from "@commander-js/extra-typings";
import type { Environment } from "../cloud/proxy";
import { ExitCode, VisaImageError } from "../errors";
import { changeLock } from "./change-lock";
import { Clouds } from "./clouds";
import { LOCK_FILE, type ReleaseLock, readLock, withRenamed } from "./release-lock";

/** What {@link renameImages} is told. */
export interface RenameOptions {
  /** Path of the lock. */
  readonly file: string;
  /** `<stack>/<id>` of an image, or a stack: then all of its images. */
  readonly from: string;
  /** The same, as it is to be called. */
  readonly to: string;
  /** @default process.env */
  readonly environment?: Environment;
}

/** An image that has another name now. */
export interface RenamedImage {
  readonly from: string;
  readonly to: string;
  readonly releases: number;
}

/**
 * Renames images in Glance (`visa_image`), then in the lock. The lock remembers the old name, by which the next synth finds
 * what Terraform's state has. What was broken off is gone on with by the same command.
 *
 * @throws VisaImageError where the lock has no such image, or one of the new name
 */
export async function renameImages(options: RenameOptions): Promise<RenamedImage[]> {
  const { file } = options;
  const lock = readLock(file);
  const pairs = pairsOf(lock, options);
  const clouds = new Clouds(lock, options.environment);
  for (const [from, to] of pairs) {
    const glance = await clouds.of(from);
    const known = new Set(lock.images[from]?.map(({ imageId }) => imageId));
    for (const image of await glance.images()) {
      if (image.visa_image === from || (known.has(image.id) && image.visa_image !== to)) {
        await glance.update(image.id, { visa_image: to });
      }
    }
  }
  await changeLock(file, (before) => pairs.reduce((all, [from, to]) => withRenamed(all, from, to), before));
  return pairs.map(([from, to]) => ({ from, to, releases: lock.images[from]?.length ?? 0 }));
}

function pairsOf(lock: ReleaseLock, { file, from, to }: RenameOptions): [string, string][] {
  if (from.includes("/") !== to.includes("/")) {
    throw usage(
      `"${from}" and "${to}" are not both images, or both stacks`,
      "name two times <stack>/<id>, or two times <stack>",
    );
  }
  const known = Object.keys(lock.images);
  const chosen = known.filter((each) => each === from || each.startsWith(`${from}/`));
  if (chosen.length === 0) {
    throw new VisaImageError(`the lock has no image or stack "${from}"`, {
      location: { file },
      fix: `name one of: ${known.join(", ") || "none"}; or the stack of one`,
      exitCode: ExitCode.USAGE,
    });
  }
  const [, stack, address = ""] = /^([^/]+)(?:\/(.+))?$/.exec(to) ?? [];
  if (!stack || !/^[A-Za-z0-9_-]*$/.test(address)) {
    throw usage(
      `"${to}" is no name of an image`,
      `what is no letter, digit or "-" in the path of the construct is a "_"`,
    );
  }
  const pairs = chosen.map((each): [string, string] => [each, `${to}${each.slice(from.length)}`]);
  const taken = pairs.find(([, name]) => lock.images[name]);
  if (!taken) return pairs;
  throw new VisaImageError(`the lock has an image "${taken[1]}" already`, {
    location: { file },
    fix: "choose another name",
    exitCode: ExitCode.USAGE,
  });
}

function usage(what: string, fix: string): VisaImageError {
  return new VisaImageError(what, { fix, exitCode: ExitCode.USAGE });
}

/** The sub-command `lock rename`. */
export function renameCommand(): Command {
  return new Command("rename")
    .description("give an image or a stack another name, before its construct gets it; nothing is built or uploaded")
    .addOption(new Option("--file <path>", "path of the lock").default(LOCK_FILE))
    .argument("<old>", "<stack>/<id> of an image, or a stack")
    .argument("<new>", "the same, as it is to be called")
    .action(async (from, to, options) => {
      for (const { releases, ...each } of await renameImages({ ...options, from, to })) {
        process.stdout.write(`${each.from} is ${each.to} now, with ${releases} releases\n`);
      }
      const [stack, id] = from.split("/");
      const [newStack, newId] = to.split("/");
      if (stack !== newStack) {
        process.stdout.write(
          `next: name the stack "${newStack}", and take its state along (terraform.${stack}.tfstate -> terraform.${newStack}.tfstate, or the key of its backend)\n`,
        );
      }
      if (id !== newId) process.stdout.write(`next: give the VisaImage the id "${newId}"\n`);
      process.stdout.write(`then deploy: the plan only moves, and ${options.file} is to be committed\n`);
    }) as unknown as Command;
}
