/** `visa-image bundle`: all that a deploy needs on a machine without internet access, in one archive. */
import { basename, resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { installBundle } from "../bundle/install-bundle";
import { type Bundle, makeBundle } from "../bundle/make-bundle";
import { nextSteps } from "../bundle/say-installed";
import { untilStopped } from "../bundle/stopped";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { size } from "../runner/output/progress";
import { shellWord } from "../shell-word";
import { cache, json } from "./arguments";
import { table } from "./inputs";

/** The sub-command `bundle` of `visa-image`. */
export function bundleCommand(): Command {
  const command = new Command("bundle")
    // What follows "install" is its own.
    .enablePositionalOptions()
    .description("put all that a deploy needs without internet access into one archive")
    .argument("[stacks...]", "stacks that are to be deployed (default: all that were synthesized)")
    .option("--output <file>", "the archive", "visa-bundle.tar")
    .option("--from <dir>", "cdktf's output folder", "cdktf.out")
    .option(
      "--no-layers",
      "leave all but their bases out: layers are built over there, with what their scripts fetch from you",
    )
    .addOption(cache())
    .addOption(json())
    .action(async (stacks, options) => {
      const bundle = await untilStopped((signal) =>
        makeBundle({
          archive: options.output,
          project: process.cwd(),
          output: options.from,
          stacks,
          cache: open(options.cache),
          layers: options.layers,
          signal,
          say,
          warn: (line) => say(`warning: ${line}`),
        }),
      );
      process.stdout.write(options.json ? `${JSON.stringify(bundle, undefined, 2)}\n` : described(bundle));
    });

  command
    .command("install")
    .description("check an archive and put what it has in place, for this user")
    .argument("<archive>", "what visa-image bundle wrote")
    .addOption(cache())
    .addOption(json())
    .action(async (archive, options) => {
      const installed = await untilStopped((signal) =>
        installBundle(archive, { cache: open(options.cache), signal, say }),
      );
      process.stdout.write(options.json ? `${JSON.stringify(installed, undefined, 2)}\n` : nextSteps(installed));
    });

  return command as unknown as Command;
}

const say = (line: string) => process.stderr.write(`${line}\n`);

function open(folder: string | undefined): Cache {
  return new Cache(folder ? resolve(folder) : cacheRoot());
}

function described({ archive, sha256, contents }: Bundle): string {
  const rows = Object.entries(contents).map(([name, { files, bytes }]) => [name, `${files} files`, size(bytes)]);
  const name = shellWord(basename(archive));
  return `${table(rows)}${sha256}  ${archive}
where it is installed, with Node.js, npm and tar:
  tar --extract --file ${name} installer
  node installer ${name}
`;
}
