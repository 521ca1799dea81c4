/** `visa-image visa`: what Terraform runs to keep VISA's entries, and what a person does about them. */
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { ExitCode } from "../errors";
import { LOCK_FILE } from "../releases/release-lock";
import { adoptInVisa, hideInVisa, registerInVisa, type VisaStatus, visaStatus } from "../visa/actions";
import { json } from "./arguments";
import { table } from "./inputs";

const ENVIRONMENT = `
VISA's address is VISA_API_URL. The token of an administrator (OIDC, it lives for minutes) is what VISA_API_TOKEN_COMMAND
prints, what the file of VISA_API_TOKEN_FILE holds, or VISA_API_TOKEN. docs/visa.md says how to get one.`;

/** The sub-command `visa` of `visa-image`. */
export function visaCommand(): Command {
  const lockFile = () => new Option("--lock-file <path>", "lock of the releases").default(LOCK_FILE);
  const visa = new Command("visa").description("VISA's own entries of images").addHelpText("after", ENVIRONMENT);
  const told = (says: string) => process.stdout.write(`VISA: ${says}\n`);

  visa
    .command("status")
    .description(
      "list VISA's entries, and what differs from the stacks that were synthesized here; exit code 1 where something does",
    )
    .addOption(lockFile())
    .option("--output <dir>", "cdktf's output folder", "cdktf.out")
    .addOption(json())
    .action(async (options) => {
      const status = await visaStatus(options);
      process.stdout.write(options.json ? `${JSON.stringify(status, null, 2)}\n` : print(status));
      const wrong = status.registrations.some(({ left, problem }) => left.length > 0 || problem !== undefined);
      if (wrong) process.exitCode = ExitCode.FAILURE;
    });

  visa
    .command("register")
    .description("bring VISA's entry to what a stack wants (run by Terraform)")
    .requiredOption("--wanted <file>", "what synth staged: cdktf.out/stacks/<stack>/visa/<id>.json")
    .option("--image-id <uuid>", "the image's id in Glance (default: the release's, by the lock)")
    .addOption(lockFile())
    .action(async (options) => {
      const count = await registerInVisa({ ...options, onStep: told });
      if (count === 0) told("the entry is as it should be");
    });

  visa
    .command("hide")
    .description("hide an entry, or all of a registration; instances that run stay")
    .argument("<entry>", "an entry's number, or <stack>/<id> of a registration")
    .action(async (entry) => {
      const count = await hideInVisa(entry, { onStep: told });
      if (count === 0) told("nothing of it is shown");
    });

  visa
    .command("adopt")
    .description("say of an entry that was made by hand whose it is: the next deploy keeps it, or takes its plans over")
    .addOption(lockFile())
    .argument("<stack/id>", "the registration")
    .argument("<entry>", "the entry's number", (text) => {
      if (!/^\d+$/.test(text)) throw new InvalidArgumentError("an entry's number is needed.");
      return Number(text);
    })
    .action(async (key, entry, options) => {
      told(`${await adoptInVisa(key, entry, options)} is ${key}`);
    });

  return visa as unknown as Command;
}

function print({ version, entries, registrations }: VisaStatus): string {
  const rows = entries.map((entry) => [
    String(entry.id),
    entry.visible ? "shown" : "hidden",
    entry.name,
    entry.version ?? "",
    entry.release ?? "",
    entry.key ?? "",
    entry.plans.join(" ") || "no plan",
    entry.instances > 0 ? `${entry.instances} instances` : "",
  ]);
  const head = ["entry", "", "name", "version", "release", "of", "plans (* preset)", ""];
  const list = rows.length > 0 ? table([head, ...rows]) : "no entries\n";
  const states = registrations.map(({ key, left, problem, fix }) => {
    const state = problem ?? (left.length > 0 ? "differs" : "as it should be");
    return [`${key}: ${state}`, ...left.map((says) => `  left to do: ${says}`), ...(fix ? [`  fix: ${fix}`] : [])];
  });
  return `VISA ${version}\n${list}${states
    .flat()
    .map((line) => `${line}\n`)
    .join("")}`;
}
