/** The subcommands besides `build`. Each loads what it needs when it runs: `--help` loads nothing of it. */
import { Argument, type Command, Option } from "@commander-js/extra-typings";
import { collect } from "./arguments";

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
    .option("--refresh <text>", "as for build")
    .addOption(cache())
    .addOption(json())
    .action(async (templates, options) => {
      const { runExplain } = require("./explain-command") as typeof import("./explain-command");
      await runExplain(templates, options);
    });

  program
    .command("list")
    .description("list what the cache holds")
    .addOption(cache())
    .addOption(json())
    .action(async (options) => {
      const { runList } = require("./list-command") as typeof import("./list-command");
      await runList(options);
    });

  program
    .command("show")
    .description("show an artifact of the cache: what it was made from, when, how large it is, its releases")
    .argument("<artifact>", "the first digits of a fingerprint, or a template for its newest artifact")
    .addOption(cache())
    .option("--lock-file <file>", "lock of the releases", "visa-images.lock.json")
    .addOption(json())
    .action(async (artifact, options) => {
      const { runShow } = require("./show-command") as typeof import("./show-command");
      await runShow(artifact, options);
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

  program
    .command("cloud")
    .description("the embedded OpenStack, in a checkout of the repository: start, stop, status, reset, env")
    .addArgument(new Argument("[args...]", "for dev/cloud"))
    .allowUnknownOption()
    .action(async (args) => {
      const { runCloud } = require("./cloud-command") as typeof import("./cloud-command");
      runCloud(args);
    });
}

const catalog = () =>
  new Option("--catalog <dir>", "folder of config.yml (default: this folder where it has one, else the shipped one)");
const variable = () =>
  new Option("--variable <name=value>", "a value of the template, or of another one: template.name=value")
    .argParser(collect)
    .default([] as string[]);
const pamPublic = () =>
  new Option("--pam-public <file>", "-pp: VISA's public key (PEM) to put into the image (VISA_PAM_PUBLIC_KEY)");
const httpProxy = () => new Option("--http-proxy <url>", "-hp: proxy of the build (VISA_HTTP_PROXY)");
const noProxy = () => new Option("--no-proxy <hosts>", "-np: hosts without proxy (VISA_NO_PROXY_HOSTS)");
const cache = () => new Option("--cache <dir>", "folder of what was built (VISA_IMAGE_CACHE)");
const json = () => new Option("--json", "for programs");
