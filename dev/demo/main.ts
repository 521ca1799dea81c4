/**
 * `npm run demo`: builds the shipped chain of images and registers it in the embedded cloud with `cdktf deploy`, then
 * does what VISA would do: takes the image from Glance, boots it with a config drive, logs its owner in through guacd
 * with a token, and saves a picture of the desktop. Run by dev/demo/run, which sets everything up first.
 */
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { runReport } from "../../lib/cli/report-command";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import { VisaImageError } from "../../lib/errors";
import { LOCK_FILE } from "../../lib/releases/release-lock";
import type { DiskFormat } from "../../lib/specification";
import { showDesktop } from "../../lib/verify/checks/desktop-checks";
import { Subject } from "../../lib/verify/checks/subject";
import { TestInstance } from "../../lib/verify/instance/test-instance";
import { makeTokenKeyPair } from "../../lib/verify/token";

const OWNER = "ada";
const STACK = "visa-image";
const FOLDER = "demo-output";

/** What the stack tells after a deploy. */
interface Outputs {
  readonly image_id: string;
  readonly image_name: string;
  readonly fingerprint: string;
  readonly boot_command_file: string;
}

/** The demo's steps and how long each took, in the order in which they ended. */
const seconds = new Map<string, number>();

async function main(): Promise<void> {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });

  const outputs = await timed("cdktf deploy, all told", deploy);
  const glance = await Glance.connect(credentialsFrom(process.env));
  const image = await glance.image(outputs.image_id);
  if (!image) throw new VisaImageError(`Glance has no image "${outputs.image_id}"`);
  const disk = join(FOLDER, `image.${image.disk_format}`);
  const sha512 = await timed("download from Glance", () => glance.download(outputs.image_id, disk));
  if (sha512 !== image.os_hash_value) {
    throw new VisaImageError(`the image from Glance has sha512 "${sha512}", Glance says "${image.os_hash_value}"`);
  }

  const keys = makeTokenKeyPair();
  const metadata = { id: "1", uid: "demo", owner: OWNER, pamPublicKey: keys.publicKey };
  const format = image.disk_format as DiskFormat;
  const folder = join(FOLDER, "instance");
  await using instance = await TestInstance.boot({
    // A flavour's disk is larger than the image's.
    ...{ disk, format, folder, growByGb: 2 },
    ...{ metadata, userData: readFileSync(outputs.boot_command_file, "utf8"), ports: [3389, 4822], agent: true },
  });
  const subject = new Subject({
    ...{ boot: "main", instance, metadata, keys, folder, reports: FOLDER, image: { path: disk, format } },
  });
  const account = await timed("boot, until the owner exists", async () => {
    await subject.waitForOwner(300);
    return instance.guest.text(`getent passwd ${OWNER}`);
  });
  await timed("until VISA's ports are open", () =>
    instance.waitFor("open ports 3389 and 4822", 180, async () => {
      const { "3389": rdp, "4822": guacd } = await instance.guest.events();
      return rdp && guacd;
    }),
  );
  const shown = await timed("log-in with a token, desktop through guacd", () => showDesktop(subject));
  subject.close();

  const picture = join(FOLDER, "desktop.png");
  const report = join(FOLDER, "report.html");
  const { VISA_LOCK_FILE: lockFile = LOCK_FILE } = process.env;
  await timed("a report to look at", () => runReport(outputs.image_id, { html: report, lockFile }));
  const onDisk = (statSync(disk).blocks * 512) / 2 ** 20;
  const rows: [string, string][] = [
    ["image", outputs.image_name],
    ["id", outputs.image_id],
    ["status", `${image.status}, ${image.visibility}`],
    ["fingerprint", outputs.fingerprint],
    ["format", image.disk_format],
    ["size, virtual", `${(Number(image.virtual_size ?? image.size) / 2 ** 30).toFixed(1)} GiB`],
    ["size, on disk", `${onDisk.toFixed(0)} MiB`],
    ["owner", account],
    ["desktop", shown],
    ...[...seconds].map(([step, time]): [string, string] => [step, `${time.toFixed(0)} s`]),
    ["picture", picture],
    ["report", report],
  ];
  const table = rows.map(([name, value]) => `  ${name.padEnd(44)} ${value}`).join("\n");
  writeFileSync(join(FOLDER, "summary.txt"), `${table}\n`);
  rmSync(disk);
  console.log(`\n${table}\n\nThe owner's desktop, as VISA would show it: ${picture}`);
  console.log(`All that is known of the image, to open in a browser: ${report}`);
  console.log("The cloud runs on: 'npm run cloud -- status' shows it, 'npm run cloud -- stop' ends it.");
}

/** Runs `cdktf deploy`, shows what it prints, and notes how long each resource took. */
async function deploy(): Promise<Outputs> {
  const file = join(FOLDER, "outputs.json");
  const child = execa(
    "npx",
    ["cdktf", "deploy", STACK, "--auto-approve", "--skip-provider-lock", "--outputs-file", file],
    {
      stdin: "ignore",
      stderr: "inherit",
      buffer: false,
    },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    const text = stripVTControlCharacters(line);
    const [, resource, minutes, rest] = text.match(/(\S+): Creation complete after (?:(\d+)m)?(\d+)s/) ?? [];
    if (resource) seconds.set(`  ${resource}`, Number(minutes ?? 0) * 60 + Number(rest));
  }
  await child;
  const outputs = (JSON.parse(readFileSync(file, "utf8")) as Record<string, Outputs>)[STACK];
  if (!outputs) throw new VisaImageError(`cdktf wrote no outputs of stack "${STACK}" to "${file}"`);
  return outputs;
}

async function timed<T>(step: string, work: () => Promise<T>): Promise<T> {
  console.log(`\n== ${step}`);
  const begin = performance.now();
  const result = await work();
  seconds.set(step, (performance.now() - begin) / 1000);
  return result;
}

main().catch((error: unknown) => {
  console.error(error instanceof VisaImageError ? `demo: ${error.message}` : error);
  process.exitCode = 1;
});
