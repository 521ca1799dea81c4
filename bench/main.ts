/**
 * `npm run bench`: the original's flow and ours side by side, and what synth and rendering take. Prints Markdown.
 *
 *   npm run bench                    all of it: an hour without KVM
 *   npm run bench -- synth           synth and rendering alone: a minute
 *   npm run bench -- stale           what visa-image stale takes: a minute
 *   npm run bench -- upload          the ways of one disk into Glance: 10 minutes
 *   npm run bench -- side-by-side    the builds alone
 *   npm run bench -- --write …       and puts the tables into docs/performance.md
 *
 * It works in a folder of its own below /var/tmp, 40 GB at most, and removes it; where it fails, the logs stay there.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { mirroredProvider } from "../lib/cli/doctor-command";
import { packageRoot } from "../lib/package-root";
import { chooseAccelerator } from "../lib/runner/host/accelerator";
import { stopMeasured } from "./measure";
import { sideBySide } from "./side-by-side";
import { stale } from "./stale";
import { synth } from "./synth";
import { upload } from "./upload";

const PARTS = { synth, stale, upload, "side-by-side": sideBySide };

async function main(): Promise<void> {
  const write = process.argv.includes("--write");
  const asked = process.argv.slice(2).filter((word) => word !== "--write");
  const unknown = asked.find((part) => !Object.hasOwn(PARTS, part));
  if (unknown !== undefined) throw new Error(`there is no part "${unknown}": ${Object.keys(PARTS).join(" or ")}`);
  // What it was doing fails then, and everything else is cleared up on the way out.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stopMeasured);
  const scratch = mkdtempSync("/var/tmp/visa-bench-");
  const on = await machine(scratch);
  console.log(on);
  for (const [name, part] of Object.entries(PARTS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    const tables = await part(join(scratch, name));
    console.log(`\n${tables}`);
    if (write) writeDown(name, `${on}.\n\n${tables}`);
  }
  rmSync(scratch, { recursive: true, force: true });
}

/** Puts a part's tables between its marks in docs/performance.md. */
function writeDown(part: string, tables: string): void {
  const page = join(packageRoot(), "docs", "performance.md");
  const [start, end] = [`<!-- bench: ${part} -->\n`, "<!-- end -->"];
  const [before, rest] = readFileSync(page, "utf8").split(start);
  const after = rest?.slice(rest.indexOf(end));
  if (!after) throw new Error(`"${page}" has no place for the tables of ${part}`);
  writeFileSync(page, `${before}${start}\n${tables}\n\n${after}`);
}

async function machine(scratch: string): Promise<string> {
  const { name } = await chooseAccelerator("auto", scratch);
  const version = (program: string) =>
    /\d+\.\d[\d.]*/.exec(execFileSync(program, ["--version"], { encoding: "utf8" }))?.[0];
  const system = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  return [
    `${new Date().toISOString().slice(0, 10)}: ${availableParallelism()} × ${cpus()[0]?.model}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB, ${name === "kvm" ? "KVM" : "no KVM (QEMU's TCG)"}, ${system}`,
    [
      `Node ${process.versions.node}, Packer ${version("packer")}, QEMU ${version("qemu-img")}`,
      `Terraform ${version("terraform")}, OpenStack provider ${mirroredProvider(process.env)?.versions.at(-1)}`,
    ].join(", "),
  ].join("; ");
}

main().catch((error: unknown) => {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
});
