/** The command `dev/cloud`. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { ExitCode, VisaImageError } from "../../lib/errors";
import { type CloudStatus, EmbeddedCloud } from "./embedded-cloud";

const DEFAULT_FOLDER = process.env.VISA_EMBEDDED_CLOUD ?? resolve(__dirname, "../../.embedded/cloud");

const program = new Command("cloud")
  .description("A real OpenStack on loopback, in one folder: Keystone and Glance, or a full one with Nova and Neutron")
  .option("--folder <folder>", "where it is kept (environment: VISA_EMBEDDED_CLOUD)", DEFAULT_FOLDER)
  .option("--debug", "show a stack trace with an error");

const cloud = () => new EmbeddedCloud(program.opts().folder, { say: (line) => console.error(line) });

program
  .command("start")
  .description("start what isn't running; a first start makes databases, keys and a password")
  .option("--full", "Placement, Nova and Neutron too, in namespaces of their own (as root; packages: dev/setup --full)")
  .action(async ({ full }) => {
    const it = cloud();
    // Half a cloud is worse than none.
    for (const [name, code] of [
      ["SIGINT", ExitCode.INTERRUPTED],
      ["SIGTERM", ExitCode.TERMINATED],
    ] as const) {
      process.once(name, () => {
        it.abandon().finally(() => process.exit(code));
      });
    }
    printStatus(await it.start(full ? "full" : undefined));
  });

program
  .command("stop")
  .description("end the services; images and users stay")
  .action(() => cloud().stop());

program
  .command("status")
  .description("say what runs; exit status 0: all of it, 1: only some, or one has crashed, 3: nothing")
  .option("--json", "endpoints, process ids, versions, as JSON")
  .action(async ({ json }) => {
    const status = await cloud().status();
    if (json) console.log(JSON.stringify(status, null, 2));
    else printStatus(status);
    process.exitCode = { running: 0, broken: 1, stopped: 3, absent: 3 }[status.state];
  });

program
  .command("reset")
  .description("end the services and remove everything: users, images, keys, logs")
  .action(() => cloud().reset());

program
  .command("env")
  .description('print shell lines that select the cloud: eval "$(dev/cloud env)"')
  .option("--member", "as the ordinary user of a full one")
  .action(async (options) => {
    process.stdout.write(await cloud().env(options));
  });

program
  .command("shell")
  .description(
    "a shell with the cloud's credentials, in its namespaces where it is a full one; or a command: shell -- COMMAND",
  )
  .option("--member", "as the ordinary user of a full one")
  .argument("[command...]")
  .action(async (command, options) => {
    const shell = command.length > 0 ? command : [process.env.SHELL ?? "bash"];
    await runHere(await cloud().inside(shell, options));
  });

program
  .command("logs")
  .description("print the log of a service (status names them)")
  .argument("<service>")
  .option("-f, --follow", "go on as it grows")
  .action(async (service, { follow }) => {
    await runHere(["tail", "-n", "+1", ...(follow ? ["-F"] : []), "--", await cloud().log(service)]);
  });

/** Runs a command with this process's input and output, and ends as it does. */
function runHere([program = "", ...args]: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
      resolve();
    });
  });
}

function printStatus(status: CloudStatus): void {
  const width = Math.max(9, ...Object.keys(status.services ?? {}).map((name) => name.length));
  console.log(`${"cloud".padEnd(width)} ${status.state}  ${status.folder}`);
  for (const [name, service] of Object.entries(status.services ?? {})) {
    const facts = [service.state, service.endpoint, service.pid && `pid ${service.pid}`, service.version];
    console.log(`${name.padEnd(width)} ${facts.filter(Boolean).join("  ")}`);
    if (service.message) console.log(`${" ".repeat(width)} ${service.message}`);
  }
  if (status.state === "running") console.log(`${"use it".padEnd(width)} eval "$(dev/cloud env)"`);
  if (status.state === "broken") console.log(`${"repair it".padEnd(width)} dev/cloud start`);
}

program.parseAsync().catch((error: unknown) => {
  const known = error instanceof VisaImageError;
  console.error(`cloud: ${known && !program.opts().debug ? error.message : (error as Error).stack}`);
  process.exitCode = known ? error.exitCode : ExitCode.FAILURE;
});
