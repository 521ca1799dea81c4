/**
 * `npm run demo`: builds the shipped chain of images and registers it in the embedded cloud with `cdktf deploy`, then
 * does what VISA would do: takes the image from Glance, boots it with a config drive, logs its owner in over RDP, and
 * saves a picture of the desktop. Run by dev/demo/run, which sets everything up first.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { VisaImageError } from "../../lib/errors";
import { credentialsFrom, Glance } from "../../lib/releases/glance";
import type { DiskFormat } from "../../lib/specification";
import { TestMachine } from "../../lib/verify/machine";
import { takeRdpPicture } from "./rdp-picture";

const OWNER = "ada";
const STACK = "visa-image";
const FOLDER = "demo-output";

/** What the stack tells after a deploy. */
interface Outputs {
  readonly image_id: string;
  readonly image_name: string;
  readonly fingerprint: string;
  readonly boot_command: string;
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

  const password = randomBytes(15).toString("base64url");
  await using machine = await TestMachine.boot({
    disk,
    format: image.disk_format as DiskFormat,
    folder: join(FOLDER, "machine"),
    metadata: { id: "1", uid: "demo", owner: OWNER, screenWidth: "1280", screenHeight: "800" },
    userData: multipart([outputs.boot_command, passwordScript(password)]),
    ports: [3389],
  });
  const picture = join(FOLDER, "desktop.png");
  const account = await timed("boot, until the owner exists", async () => {
    const [, entry] = await machine.waitForConsole(/DEMO-OWNER (\S+)/, 300);
    return entry;
  });
  await timed("until RDP answers", () => machine.waitForRdp(180));
  await timed("log-in and desktop over RDP", () =>
    takeRdpPicture({
      port: machine.port(3389),
      user: OWNER,
      password,
      file: picture,
      ready: machine.waitForConsole(/DEMO-DESKTOP/, 240),
    }),
  );

  const onDisk = (statSync(disk).blocks * 512) / 2 ** 20;
  const rows: [string, string][] = [
    ["image", outputs.image_name],
    ["id", outputs.image_id],
    ["status", `${image.status}, ${image.visibility}`],
    ["fingerprint", outputs.fingerprint],
    ["format", image.disk_format],
    ["size, virtual", `${(Number(image.virtual_size ?? image.size) / 2 ** 30).toFixed(1)} GiB`],
    ["size, on disk", `${onDisk.toFixed(0)} MiB`],
    ["owner", account ?? ""],
    ...[...seconds].map(([step, time]): [string, string] => [step, `${time.toFixed(0)} s`]),
    ["picture", relative(".", picture)],
  ];
  const table = rows.map(([name, value]) => `  ${name.padEnd(44)} ${value}`).join("\n");
  writeFileSync(join(FOLDER, "summary.txt"), `${table}\n`);
  rmSync(disk);
  console.log(`\n${table}\n\nThe owner's desktop, as the RDP client saw it: ${picture}`);
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

/** A password for this one run: the demo logs in with an ordinary client, VISA with a token. */
function passwordScript(password: string): string {
  return [
    "#!/bin/bash",
    "set -euo pipefail",
    `chpasswd <<< '${OWNER}:${password}'`,
    `echo "DEMO-OWNER $(getent passwd ${OWNER} | tr ' ' '_')" > /dev/ttyS0`,
    // A picture alone could be one of an error message: the parts of the desktop have to run, as the owner. Not in the
    // foreground: what follows the user data would wait for it.
    "systemd-run --quiet bash -c '",
    `until pgrep -u ${OWNER} -x xfce4-panel && pgrep -u ${OWNER} -x xfdesktop && pgrep -u ${OWNER} -x xfwm4; do`,
    "  sleep 1",
    "done > /dev/null",
    'echo "DEMO-DESKTOP" > /dev/ttyS0',
    "'",
    "",
  ].join("\n");
}

/** Several user data scripts in one document, run in their order (cloud-init, "MIME multi-part archive"). */
function multipart(scripts: readonly string[]): string {
  const boundary = "visa-demo-boundary";
  const parts = scripts.map((script) =>
    [`--${boundary}`, 'Content-Type: text/x-shellscript; charset="utf-8"', "MIME-Version: 1.0", "", script].join("\n"),
  );
  const head = [`Content-Type: multipart/mixed; boundary="${boundary}"`, "MIME-Version: 1.0", ""];
  return [...head, ...parts, `--${boundary}--`, ""].join("\n");
}

main().catch((error: unknown) => {
  console.error(error instanceof VisaImageError ? `demo: ${error.message}` : error);
  process.exitCode = 1;
});
