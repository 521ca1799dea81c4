/**
 * `visa-image` for tests of Terraform: a build is a small file, and everything else is the real command. Compiled, and
 * run in the place of dist/lib/cli/main.js.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { visaCommand } from "../../lib/cli/visa-command";
import { webDownloadCommand } from "../../lib/cli/web-download-command";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import { short } from "../../lib/fingerprint/digest";
import { lockCommand } from "../../lib/releases/command";
import { pruneCommand } from "../../lib/releases/prune-command";
import { diskSigningKey, signDisk } from "../../lib/releases/trust/disk-signature";
import { cacheRoot } from "../../lib/runner/cache/cache";
import type { BuildSpecification } from "../../lib/specification";
import { askVisaFirst } from "../../lib/visa/ask-first";

const program = new Command("visa-image")
  .addCommand(lockCommand())
  .addCommand(pruneCommand())
  .addCommand(visaCommand())
  .addCommand(webDownloadCommand());

program
  .command("build")
  .requiredOption("--specification <file>")
  .option("--sign-in")
  .option("--ask-visa")
  .action(async ({ specification: file, signIn, askVisa }) => {
    if (signIn) await (await Glance.connect(credentialsFrom(process.env))).check();
    if (askVisa) await askVisaFirst({ onMessage: (text) => console.error(text) });
    const { layers, output }: BuildSpecification = JSON.parse(readFileSync(file, "utf8"));
    const layer = layers.at(-1);
    appendFileSync("builds.log", `${layer?.name}\n`);
    if (!output || process.env.VISA_TEST_NO_DISK) return;
    const disk = join(dirname(file), output.path);
    mkdirSync(dirname(disk), { recursive: true });
    writeFileSync(disk, `${layer?.fingerprint}\n`.repeat(Number(process.env.VISA_TEST_DISK_LINES ?? 1000)));
    if (output.format === "qcow2") asQcow2(disk);
    if (output.signed) await signDisk(disk, diskSigningKey(process.env));
  });

program
  .command("verify")
  .requiredOption("--specification <file>")
  .requiredOption("--boot-command <file>")
  .option("--profile <name>")
  .action(async ({ specification: file, bootCommand, profile }) => {
    const { layers }: BuildSpecification = JSON.parse(readFileSync(file, "utf8"));
    if (!readFileSync(bootCommand, "utf8").startsWith("#!")) throw new Error(`${bootCommand} is no script`);
    appendFileSync("verifications.log", `${layers.at(-1)?.name} ${profile}\n`);
    // Until it is killed.
    if (process.env.VISA_TEST_HANG_VERIFY) await new Promise((done) => setTimeout(done, 60_000));
    if (process.env.VISA_TEST_FAIL_VERIFY) throw new Error("the image does not keep VISA's contract");
    writeReport(file);
  });

/** The same bytes as a guest would see them. */
function asQcow2(disk: string): void {
  renameSync(disk, `${disk}.raw`);
  execFileSync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "-c", `${disk}.raw`, disk]);
  rmSync(`${disk}.raw`);
}

/** As the gate leaves it in the cache. */
function writeReport(file: string): void {
  const { layers, output }: BuildSpecification = JSON.parse(readFileSync(file, "utf8"));
  const { fingerprint } = layers.at(-1) ?? {};
  const disk = join(dirname(file), output?.path ?? "");
  if (!existsSync(disk)) return;
  const sha512 = createHash("sha512").update(readFileSync(disk)).digest("hex");
  const folder = join(cacheRoot(), "reports", `${short(fingerprint ?? "")}-stand-in-gate`);
  mkdirSync(folder, { recursive: true });
  // A test that publishes the artifact gives its flattened disk this digest.
  const report = { fingerprint, passed: true, digest: "stand-in", sha512 };
  writeFileSync(join(folder, "report.json"), JSON.stringify(report));
}

program.parseAsync().catch((error) => {
  console.error(String(error));
  process.exitCode = error.exitCode ?? 1;
});
