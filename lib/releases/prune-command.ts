/** `visa-image prune`: past releases, and what builds by a cloud have left. */
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { Environment } from "../cloud/proxy";
import { prune, type VisaUse } from "./prune";
import { pruneBuilds } from "./prune-builds";
import { DEFAULT_RETAIN, LOCK_FILE } from "./release-lock";

/**
 * The sub-command `prune` of `visa-image`.
 *
 * @param visaOf what the VISA of an environment says; nothing where that names none
 */
export function pruneCommand(visaOf: (environment: Environment) => VisaUse | undefined = () => undefined): Command {
  return new Command("prune")
    .description(
      "delete past releases in Glance beyond those that the stack keeps, retired ones, what stopped uploads and builds have left, and layers that a cloud built and no release stands on",
    )
    .addOption(new Option("--file <path>", "path of the lock").default(LOCK_FILE))
    .argument("[stack/id...]", "images (default: all of the lock)")
    .option("--retain <n>", `past releases to keep (default: as the stack, ${DEFAULT_RETAIN} if unknown)`, count)
    .option("--dry-run", "only say what would be deleted")
    .option("--force", "also where Nova cannot be asked which servers there are, or an upload may still run")
    .addHelpText(
      "after",
      "\nKept in any case: what is visible, what VISA shows or has instances of (VISA_API_URL), what somebody else protected, what a server was made from, what Glance calls in use.",
    )
    .action(async (images, options) => {
      const results = await prune({ ...options, images, visa: visaOf(process.env) });
      const say = (line: string) => process.stdout.write(`${line}\n`);
      for (const { image, release, outcome, reason } of results) {
        say(`${image}: release ${release.release}, image ${release.imageId}: ${outcome}${reason ? `: ${reason}` : ""}`);
      }
      // What builds have left is of no image that one could name.
      const builds = images.length === 0 ? await pruneBuilds(options) : [];
      builds.forEach(say);
      if (results.length + builds.length === 0) say("nothing to delete");
    }) as unknown as Command;
}

/** For options that are a number of releases. */
export function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number is needed.");
  return Number(text);
}
