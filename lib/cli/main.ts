#!/usr/bin/env node
/**
 * The `visa-image` command. Each subcommand loads what it needs when it runs: `--help` loads nothing of it.
 */
import { Command, CommanderError, Option } from "@commander-js/extra-typings";
import { ExitCode, fileError, VisaImageError } from "../errors";
import { settlePaths } from "../project-folder";
import { accelerator, cache, catalog, expandOriginalOptions, pamPublic, positive, size, variable } from "./arguments";
import { addCommands } from "./commands";
import { writeAndExit } from "./write-and-exit";

/** Makes the command line parser. */
export function makeProgram() {
  const program = new Command("visa-image")
    .description("Builds the images of VISA's desktops in layers, with Packer and QEMU.")
    .option("--debug", "show stack traces")
    .showHelpAfterError("(visa-image --help shows what there is)")
    .showSuggestionAfterError()
    // Before the subcommands are made, which inherit it: what ends the command is thrown, for main() to end it with.
    .exitOverride();

  program
    .command("build")
    .description("build the layers of templates that the cache does not have")
    .argument("[templates...]", "the last layers' templates (default: all that no other template extends)")
    .addOption(catalog())
    .option("--specification <file>", "build what a synth specified, instead of a template of a catalog")
    .addOption(
      new Option("--sign-in", "sign in to the cloud first, since the result is to be registered there").hideHelp(),
    )
    .addOption(new Option("--ask-visa", "ask VISA first too, since the image is to be in its list").hideHelp())
    .addOption(variable())
    .addOption(pamPublic())
    .option("--root-password <password>", "-rp: root's password, for all on this machine to see")
    .option("--root-password-file <file>", "file with root's password (VISA_ROOT_PASSWORD, VISA_ROOT_PASSWORD_FILE)")
    .option("--http-proxy <url>", "-hp: proxy of the build (VISA_BUILD_PROXY, VISA_HTTP_PROXY)")
    .option("--no-proxy <hosts>", "-np: hosts without proxy (VISA_BUILD_NO_PROXY, VISA_NO_PROXY_HOSTS)")
    .option(
      "--cache-buster <text>",
      'build the same inputs anew under another name, for example "2026-11" (VISA_CACHE_BUSTER)',
    )
    .addOption(new Option("--format <format>", "flatten the last layer").choices(["raw", "qcow2"] as const))
    .option("--output <dir>", "flatten the last layer, and put a copy into this folder")
    .addOption(
      new Option(
        "--builder <name>",
        "who runs the build machine: QEMU here, or the Nova of OS_* (VISA_BUILDER; qemu)",
      ).choices(["qemu", "openstack"] as const),
    )
    .option("--flavor <name>", "with openstack: its flavour, whose disk the image gets (VISA_BUILD_FLAVOR)")
    .option("--network <name>", "with openstack: its network; default: the only one (VISA_BUILD_NETWORK)")
    .option(
      "--floating-ip-pool <name>",
      "with openstack: external network of an address to reach it by (VISA_BUILD_FLOATING_IP_POOL)",
    )
    .option("--security-groups <names>", "with openstack: in the place of one of its own (VISA_BUILD_SECURITY_GROUPS)")
    .option("--availability-zone <name>", "with openstack: its zone (VISA_BUILD_AVAILABILITY_ZONE)")
    .addOption(
      new Option("--preset <name>", "trial: 1 CPU, 4 GiB; production: 2 CPUs, 8 GiB (VISA_BUILD_PRESET)").choices([
        "trial",
        "production",
      ] as const),
    )
    .option("--cpus <n>", "CPUs of the build machine (VISA_BUILD_CPUS)", positive)
    .option("--memory <size>", "its memory: 4G, or a number of MiB (VISA_BUILD_MEMORY)", size)
    .addOption(accelerator())
    .option("--cpu-model <name>", "its CPU, in QEMU's words (VISA_BUILD_CPU_MODEL)")
    .option("--nested", "virtual machines with KVM can run in it (VISA_BUILD_NESTED)")
    .option("--timeout <minutes>", "how long a layer may take before it is ended (VISA_BUILD_TIMEOUT; 240)", positive)
    .option("--not-headless", "-nh: show its screen in a window (VISA_BUILD_HEADLESS=false)")
    .option("--vnc <address[:port]>", "show its screen by VNC there, 127.0.0.1 for example (VISA_BUILD_VNC)")
    .option(
      "--build-ca <file>",
      'certificates it trusts during the build; "host": those added to this one (VISA_BUILD_CA)',
    )
    .option("--mirror <url>", "Debian mirror for the build (VISA_DEBIAN_MIRROR; default: the one that apt uses here)")
    .addOption(cache())
    .option("--no-cache", "build every layer anew, and put it into the cache in the place of what is there")
    .option(
      "--no-checkpoints",
      "each layer in one run, from its beginning, also where the cache has one built in two (VISA_BUILD_CHECKPOINTS=false)",
    )
    .option("--keep-on-failure", "leave the machine running where a step fails, and say how to get in")
    .addOption(
      new Option(
        "--cache-from <source>",
        "take layers that the cache does not have from there: from the project's images in Glance, by OS_* (VISA_CACHE_FROM)",
      ).choices(["glance"] as const),
    )
    .option("--parallel <n>", "so many layers at the same time, where memory and disk allow (default: 1)", positive)
    .option("--json", "print what was done, for programs")
    .option("--verbose", "show what the tools print")
    .option("--quiet", "show nothing but warnings and errors")
    .option("--debug", "show stack traces")
    .addHelpText(
      "after",
      `
The short options are those of build-image.sh: -pp, -rp, -hp, -np, -nh.
With --parallel, where one layer fails the others that run are finished, and nothing new is started.
Exit codes: 2 wrong or incomplete call, 3 Packer failed, 4 an input changed since the plan, 130 and 143 stopped.`,
    )
    .action(async (templates, options) => {
      const { runBuild } = require("./build-command") as typeof import("./build-command");
      await runBuild(templates, options);
    });

  addCommands(program as unknown as Command);

  // Their options are many, and loaded only where they are asked for.
  if (["lock", "prune", "retire"].includes(process.argv[2] ?? "")) {
    const { lockCommand } = require("../releases/command") as typeof import("../releases/command");
    const { pruneCommand } = require("../releases/prune-command") as typeof import("../releases/prune-command");
    const { retireCommand } = require("../releases/retire") as typeof import("../releases/retire");
    const { imageUse } = require("../visa/image-use") as typeof import("../visa/image-use");
    program.addCommand(lockCommand()).addCommand(pruneCommand(imageUse)).addCommand(retireCommand(imageUse));
  } else {
    program.command("lock").description("list, edit or remake the releases in visa-images.lock.json");
    program.command("prune").description("delete past releases in Glance that nothing uses");
    program.command("retire").description("make no new instances of a past release; it goes once no server runs on it");
  }

  if (["sign-release", "verify-release"].includes(process.argv[2] ?? "")) {
    const trust = require("../releases/trust/command") as typeof import("../releases/trust/command");
    program.addCommand(trust.signReleaseCommand()).addCommand(trust.verifyReleaseCommand());
  } else {
    program.command("sign-release").description("sign where an image came from, with a key of yours");
    program.command("verify-release").description("check that an image is what a key that you trust has signed");
  }

  if (process.argv[2] === "revoke") {
    const { revokeCommand } = require("../releases/revoke") as typeof import("../releases/revoke");
    program.addCommand(revokeCommand());
  } else {
    program.command("revoke").description("hide a release and all that stands on it, and refuse them in later builds");
  }

  if (process.argv[2] === "cache") {
    const { cacheCommand } = require("./cache-command") as typeof import("./cache-command");
    program.addCommand(cacheCommand());
  } else {
    program.command("cache").description("what the artifact cache takes, and making room in it");
  }

  if (process.argv[2] === "bundle") {
    const { bundleCommand } = require("./bundle-command") as typeof import("./bundle-command");
    program.addCommand(bundleCommand());
  } else {
    program.command("bundle").description("put all that a deploy needs without internet access into one archive");
  }

  if (process.argv[2] === "web-download") {
    const { webDownloadCommand } = require("./web-download-command") as typeof import("./web-download-command");
    program.addCommand(webDownloadCommand());
  } else {
    program.command("web-download").description("put a disk to where Glance fetches it");
  }

  if (process.argv[2] === "visa") {
    const { visaCommand } = require("./visa-command") as typeof import("./visa-command");
    program.addCommand(visaCommand());
  } else {
    program.command("visa").description("VISA's own entries of images: status, register, hide, adopt");
  }

  program.command("janitor", { hidden: true }).action(async () => {
    const { runCloudJanitor } = require("./verify-on-cloud-command") as typeof import("./verify-on-cloud-command");
    await runCloudJanitor();
  });

  program.command("worker", { hidden: true }).action(async () => {
    const { runWorker } = require("../runner/supervisor") as typeof import("../runner/supervisor");
    runWorker((lockFile) => {
      const { glanceSource } = require("../releases/glance-source") as typeof import("../releases/glance-source");
      return glanceSource(lockFile);
    });
    // It lives by its channel to the front.
    await new Promise(() => {});
  });
  return program;
}

/** Says what went wrong, without a stack trace unless one was asked for. */
function fail(thrown: unknown, debug: boolean): never {
  const error = thrown instanceof VisaImageError ? thrown : (fileError(thrown) ?? thrown);
  const known = error instanceof VisaImageError;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (debug) process.stderr.write(`${stack}\n`);
  else if (known) process.stderr.write(`visa-image: ${message}\n`);
  else process.stderr.write(`visa-image: ${message}\n  this is not supposed to happen: --debug shows where it did\n`);
  process.exit(known ? error.exitCode : 1);
}

/** Runs the command, and ends the process where something is wrong with it. */
export async function main(): Promise<void> {
  settlePaths(process.env);
  const debug = process.argv.includes("--debug");
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of our output may have gone (visa-image cache list | head). All else has lost what was to be said.
    if (error.code === "EPIPE") process.exit(0);
    const what = new VisaImageError(`cannot write what was asked for: ${error.message}`, {
      fix: "let the output go to where there is room",
    });
    fail(what, debug);
  });
  try {
    const argv = expandOriginalOptions(process.argv, (message) => process.stderr.write(`warning: ${message}\n`));
    await makeProgram().parseAsync(argv);
  } catch (error) {
    // Help was asked for, or the call is wrong: commander has said so.
    if (error instanceof CommanderError) writeAndExit("", error.exitCode === 1 ? ExitCode.USAGE : error.exitCode);
    else fail(error, debug);
  }
}

if (require.main === module) main();
