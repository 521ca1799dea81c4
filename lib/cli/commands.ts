/** The subcommands besides `build`. Each loads what it needs when it runs: `--help` loads nothing of it. */
import { type Command, Option } from "@commander-js/extra-typings";
import {
  accelerator,
  allow,
  cache,
  catalog,
  httpProxy,
  json,
  noProxy,
  pamPublic,
  securityGroup,
  step,
  variable,
} from "./arguments";

/** Adds them to the program. */
export function addCommands(program: Command): void {
  program
    .command("render")
    .description("print the Packer configuration of templates; secrets are variables in it")
    .argument("[templates...]", "default: all of the catalog")
    .addOption(catalog())
    .addOption(variable())
    .addOption(pamPublic())
    .addOption(httpProxy())
    .addOption(noProxy())
    .option("--output <dir>", "write <template>.pkr.json into this folder instead")
    .option("--legacy", "packme's manifest.json instead, to compare with")
    .option("--json", "print fingerprints and files too")
    .action(async (templates, options) => {
      const { runRender } = require("./render-command") as typeof import("./render-command");
      runRender(templates, options);
    });

  program
    .command("explain")
    .description("say what would be built and why, and where each variable has its value from")
    .argument("[templates...]", "default: all that no other template extends")
    .addOption(catalog())
    .addOption(variable())
    .addOption(pamPublic())
    .option("--root-password-file <file>", "file with root's password (VISA_ROOT_PASSWORD, VISA_ROOT_PASSWORD_FILE)")
    .addOption(httpProxy())
    .addOption(noProxy())
    .option("--cache-buster <text>", "as for build")
    .addOption(cache())
    .addOption(json())
    .action(async (templates, options) => {
      const { runExplain } = require("./explain-command") as typeof import("./explain-command");
      await runExplain(templates, options);
    });

  program
    .command("shell")
    .description(
      "start a layer's machine at a checkpoint of its build, with ssh here; what is changed in it is thrown away",
    )
    .argument("[template]", "the layer's template")
    .option(
      "--at <step>",
      "the step after which (default: the last one that has a checkpoint; 0: the layer's beginning)",
      step,
    )
    .addOption(catalog())
    .option("--specification <file>", "the last layer that a synth specified, instead of a template of a catalog")
    .addOption(variable())
    .addOption(pamPublic())
    .option("--root-password-file <file>", "as of build (VISA_ROOT_PASSWORD, VISA_ROOT_PASSWORD_FILE)")
    .addOption(httpProxy())
    .addOption(noProxy())
    .option("--cache-buster <text>", "as it was built with")
    .addOption(accelerator())
    .addOption(cache())
    .option("--debug", "show stack traces")
    .action(async (template, options) => {
      const { runShell } = require("./shell-command") as typeof import("./shell-command");
      await runShell(template, options);
    });

  program
    .command("verify")
    .description("boot a template's disk as VISA does, and check whether it keeps VISA's contract")
    .argument("[template]", "the template; built first where the cache does not have it")
    .addOption(catalog())
    .option("--specification <file>", "verify what a synth specified, instead of a template of a catalog")
    .addOption(variable())
    .option("--pam-public <file>", "VISA's public key (PEM) that is in the image (VISA_PAM_PUBLIC_KEY)")
    .option("--cache-buster <text>", "as it was built with")
    .option("--boot-command <file>", "user data of the instance (default: visa-image's own boot command)")
    .option("--disk <file>", "verify a disk image that was made elsewhere")
    .option(
      "--contract <parts>",
      "what is promised, with --disk or --on-cloud: boot, desktop, login, jupyter, hygiene, uefi",
    )
    .addOption(
      new Option("--firmware <name>", "what the image boots by; uefi: with Secure Boot on")
        .choices(["bios", "uefi"] as const)
        .default("bios" as const),
    )
    .addOption(new Option("--format <format>", "of the disk").choices(["raw", "qcow2"] as const))
    .addOption(
      new Option(
        "--profile <name>",
        "gate: one boot; full: all that can be seen of an image alone (default: full; with --on-cloud gate)",
      ).choices(["gate", "full"] as const),
    )
    .option(
      "--on-cloud <image>",
      "have Nova boot this registered image, by OS_*, instead of a disk here: its name or id in Glance",
    )
    .option("--flavor <name>", "with --on-cloud: of the instance")
    .option("--network <name>", "with --on-cloud: of the instance")
    .addOption(securityGroup())
    .addOption(
      new Option(
        "--source <name>",
        "with --on-cloud: where the instance has its metadata from (default: metadata-service, as VISA's)",
      ).choices(["metadata-service", "config-drive", "both"] as const),
    )
    .option("--floating-ip-pool <network>", "with --on-cloud: where this machine does not reach the network itself")
    .option(
      "--from <cidr>",
      "with --on-cloud: who may reach the instance, by the group that is made for it (default: all)",
    )
    .addOption(accelerator())
    .option(
      "--reports <dir>",
      "folder for report.html, report.json, junit.xml, desktop.png and the evidence (default: in the cache)",
    )
    .addOption(
      // A cloud's seconds have no yardstick.
      new Option(
        "--boot-budget <shares>",
        "how much slower than the release in use it may boot: owner=0.25,ports=0.25,firstPicture=0.5",
      ).conflicts("onCloud"),
    )
    .addOption(
      new Option(
        "--in-use <image>",
        "with --boot-budget: the image of the lock, <stack>/<id>, whose release that is",
      ).conflicts("onCloud"),
    )
    .option("--lock-file <file>", "with --boot-budget: lock of the releases", "visa-images.lock.json")
    .option("--all", "show what does not apply, too")
    .option("--markdown", "print the contract as a table in Markdown")
    .option("--json", "print the report for programs")
    .option("--build-ca <file>", "as of build, where it has to be built (VISA_BUILD_CA)")
    .addOption(cache())
    .option("--quiet", "show nothing but failures")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      "\nExit codes: 1 an assertion does not hold, 2 wrong or incomplete call, 130 and 143 stopped.",
    )
    .action(async (template, options) => {
      if (options.onCloud !== undefined) {
        const { runVerifyOnCloud } = require("./verify-on-cloud-command") as typeof import("./verify-on-cloud-command");
        await runVerifyOnCloud(template, options);
        return;
      }
      const { runVerify } = require("./verify-command") as typeof import("./verify-command");
      await runVerify(template, options);
    });

  program
    .command("list", { hidden: true })
    .description("the name that `cache list` had")
    .addOption(cache())
    .addOption(json())
    .action(async (options) => {
      const { listCache } = require("./cache-command") as typeof import("./cache-command");
      const { warn } = require("./inputs") as typeof import("./inputs");
      warn('"visa-image list" is "visa-image cache list" now; the old name goes with the next version');
      await listCache(options);
    });

  program
    .command("show")
    .description("show an artifact of the cache: what it was made from, when, how large it is, its releases")
    .argument("<artifact>", "the first digits of a fingerprint, a template for its newest artifact, or a release")
    .addOption(cache())
    .option("--lock-file <file>", "lock of the releases", "visa-images.lock.json")
    .addOption(json())
    .action(async (artifact, options) => {
      const { runShow } = require("./show-command") as typeof import("./show-command");
      await runShow(artifact, options);
    });

  program
    .command("stale")
    .description("say which images in use have packages with newer versions, and which of these are security fixes")
    .argument(
      "[images...]",
      "<stack>/<id>, <id>, a release, or a bill of materials (a .json file); default: all in use",
    )
    .option("--lock-file <file>", "lock of the releases", "visa-images.lock.json")
    .option("--mirror <url>", "mirror of Debian, or a folder (VISA_DEBIAN_MIRROR; default: the one that apt uses here)")
    .option("--security-mirror <url>", "mirror of its security updates (default: the mirror's with -security appended)")
    .option("--keyring <file>", "keys that the indexes are signed with (default: Debian's, where installed)")
    .option("--offline", "use the indexes that are in the cache")
    .addOption(
      new Option("--fail-on <what>", "which newer packages make the exit code 6")
        .choices(["any", "security", "none"] as const)
        .default("any" as const),
    )
    .option("--update", "write into the lock what is to be built anew, by rebuildWhen in code: after cdktf synth")
    .option("--output <dir>", "cdktf's output folder, with --update", "cdktf.out")
    .option("--servers", "ask Nova which servers run on each image that is out of date")
    .option("--all", "show newer packages that are no security fixes, and all servers, too")
    .addOption(cache())
    .addOption(json())
    .addHelpText(
      "after",
      `
Nothing is built or booted: bills of materials are compared with the indexes of Debian's suites, which are kept in the cache.
Exit codes: 0 up to date, 6 newer packages (--fail-on), 1 an image of which nothing is known, or a failure, 2 wrong call.`,
    )
    .action(async (images, options) => {
      const { runStale } = require("./stale-command") as typeof import("./stale-command");
      await runStale(images, options);
    });

  program
    .command("fleet")
    .description("say which servers run on which release, and whether one of these is revoked")
    .argument("[images...]", "<stack>/<id>, <id>, a release, an image's name or id in Glance; default: all of the lock")
    .option("--lock-file <file>", "lock of the releases", "visa-images.lock.json")
    .option("--all", "show every server, and releases that have none")
    .addOption(json())
    .addHelpText(
      "after",
      `
Asked of Nova with the rights that one has: the servers of all projects, or of the own one alone. VISA's end dates and
owners are shown where VISA_API_URL and a token name a VISA (visa-image visa --help).
Exit codes: 0 nothing to do, 6 a revoked release has servers or is shown, 1 Nova cannot be asked, or a failure, 2 wrong call.`,
    )
    .action(async (images, options) => {
      const { runFleet } = require("./fleet-command") as typeof import("./fleet-command");
      await runFleet(images, options);
    });

  program
    .command("report")
    .description(
      "write all that is known of a release as one HTML file: picture, contract, packages, times, provenance",
    )
    .argument("<release>", "its digits or its image's id in the lock, or what show takes")
    .requiredOption("--html <file>", "where to; what is there is replaced")
    .addOption(cache())
    .option("--lock-file <file>", "lock of the releases", "visa-images.lock.json")
    .action(async (release, options) => {
      const { runReport } = require("./report-command") as typeof import("./report-command");
      await runReport(release, options);
    });

  program
    .command("review")
    .description(
      "say what a plan does, for a person to judge it; exit code 5 where something is lost that --allow does not name",
    )
    .argument("<plan>", "what `terraform show -json PLAN` (or tofu) prints, as a file; - for standard input")
    .addOption(allow())
    .option("--output <dir>", "cdktf's output folder, for the files behind inputs", "cdktf.out")
    .addOption(cache())
    .addOption(new Option("--markdown", "as Markdown, for a merge request").conflicts("json"))
    .addOption(json())
    .addHelpText(
      "after",
      "\nExit codes: 2 that is no plan, 5 something is destroyed or replaced that no --allow names.",
    )
    .action(async (plan, options) => {
      const { runReview } = require("./review-command") as typeof import("./review-command");
      await runReview(plan, options);
    });

  program
    .command("diff")
    .description(
      "say what differs between two images: packages, kernels, units, ports, sizes, verdicts; nothing is built",
    )
    .argument("<a>", "a release or its image <stack>/<id>, an artifact as for show, a folder, or a bill of materials")
    .argument("[b]", "as A (default: A is an image, and its last two releases are compared)")
    .option("--deploy", "what a deploy would make of the image A, beside its release in use: after cdktf synth")
    .option("--output <dir>", "cdktf's output folder, with --deploy", "cdktf.out")
    .addOption(cache())
    .option("--lock-file <file>", "lock of the releases", "visa-images.lock.json")
    .addOption(new Option("--markdown", "as Markdown, for a merge request").conflicts("json"))
    .addOption(json())
    .action(async (a, b, options) => {
      const { runDiff } = require("./diff-command") as typeof import("./diff-command");
      await runDiff(a, b, options);
    });

  program
    .command("doctor")
    .description("look whether this machine can build and deploy; exit code 1 where something is missing")
    .addOption(cache())
    .addOption(json())
    .action(async (options) => {
      const { runDoctor } = require("./doctor-command") as typeof import("./doctor-command");
      await runDoctor(options);
    });

  program
    .command("init")
    .description("make a new project: a stack with an image, and a layer of your own")
    .argument("<dir>", "its folder; what is there already is never overwritten")
    .addOption(json())
    .action(async (folder, options) => {
      const { runInit } = require("./init-command") as typeof import("./init-command");
      runInit(folder, options);
    });

  program
    .command("migrate")
    .description(
      "take over a tree of packme and build-image.sh: write one beside it, with what has to be put right mended",
    )
    .argument("<dir>", "its folder, which is only read: that of config.yml")
    .option("--output <dir>", "the new tree's folder, which must not be there (default: <dir>-visa-images)")
    .addOption(json())
    .addHelpText("after", "\nExit codes: 0 the tree can be built, 1 something is left for you to do, 2 wrong call.")
    .action(async (folder, options) => {
      const { runMigrate } = require("./migrate-command") as typeof import("./migrate-command");
      runMigrate(folder, options);
    });

  program
    .command("boot-command")
    .description("print the user data for VISA's admin page")
    .addOption(
      new Option("--format <format>", "a script, or #cloud-config").choices(["script", "cloud-config"] as const),
    )
    .option("--extra-shell <file>", "bash to run as root after the owner exists")
    .addOption(json())
    .action(async (options) => {
      const { runBootCommand } = require("./boot-command") as typeof import("./boot-command");
      runBootCommand(options);
    });
}
