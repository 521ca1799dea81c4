/** The command `dev/cloud`. */
import { resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { ExitCode, VisaImageError } from "../../lib/errors";
import { type CloudStatus, EmbeddedCloud } from "./embedded-cloud";

const DEFAULT_FOLDER = process.env.VISA_EMBEDDED_CLOUD ?? resolve(__dirname, "../../.embedded/cloud");

const program = new Command("cloud")
  .description("A real OpenStack (Keystone and Glance) on loopback, in one folder")
  .option("--folder <folder>", "where it is kept (environment: VISA_EMBEDDED_CLOUD)", DEFAULT_FOLDER)
  .option("--debug", "show a stack trace with an error");

const cloud = () => new EmbeddedCloud(program.opts().folder, { say: (line) => console.error(line) });

program
  .command("start")
  .description("start what isn't running; a first start makes databases, keys and a password")
  .option("--size <size>", "small: Keystone and Glance", "small")
  .action(async ({ size }) => {
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
    printStatus(await it.start(size));
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
  .action(async () => {
    process.stdout.write(await cloud().env());
  });

function printStatus(status: CloudStatus): void {
  console.log(`cloud     ${status.state}  ${status.folder}`);
  for (const [name, service] of Object.entries(status.services ?? {})) {
    const pid = service.pid ? `  pid ${service.pid}` : "";
    console.log(`${name.padEnd(9)} ${service.state}  ${service.endpoint}${pid}  ${service.version}`);
    if (service.message) console.log(`          ${service.message}`);
  }
  if (status.state === "running") console.log(`use it    eval "$(dev/cloud env)"`);
  if (status.state === "broken") console.log("repair it dev/cloud start");
}

program.parseAsync().catch((error: unknown) => {
  const known = error instanceof VisaImageError;
  console.error(`cloud: ${known && !program.opts().debug ? error.message : (error as Error).stack}`);
  process.exitCode = known ? error.exitCode : ExitCode.FAILURE;
});
