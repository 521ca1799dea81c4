/**
 * `npm run bench`: what of a deploy's time is this package's own. Ratios within one run; nothing here is a test.
 *
 *   npm run bench                synth of the shipped stacks, beside what loading cdktf alone takes
 *   npm run bench -- --build     also the whole chain, built into an empty cache and flattened (minutes)
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

const RUNS = 5;
const scratch = mkdtempSync(join(tmpdir(), "visa-bench-"));
const environment = { ...process.env, CDKTF_OUTDIR: join(scratch, "cdktf.out") };

/** The median of some runs of a command, in seconds. */
function median(command: readonly string[]): number {
  const [program, ...args] = command as [string, ...string[]];
  const times = Array.from({ length: RUNS }, () => {
    const begin = performance.now();
    execFileSync(program, args, { env: environment, stdio: "ignore" });
    return (performance.now() - begin) / 1000;
  });
  return times.sort((a, b) => a - b)[Math.floor(RUNS / 2)] as number;
}

function row(what: string, seconds: number, base: number): void {
  console.log(`${what.padEnd(52)} ${seconds.toFixed(2).padStart(8)} s ${(seconds / base).toFixed(2).padStart(8)}`);
}

function synth(): void {
  const base = median(["node", "-e", "require('cdktf')"]);
  console.log(`${"synth (median of 5)".padEnd(52)} ${"time".padStart(10)} ${"ratio".padStart(8)}`);
  row("loading cdktf, and nothing else", base, base);
  row("the shipped stacks, as cdktf.json runs them (tsx)", median(["node", "--import", "tsx", "stacks/main.ts"]), base);
  row("the same, compiled", median(["node", "dist/stacks/main.js"]), base);
}

function build(): void {
  const cache = join(scratch, "cache");
  const command = ["dist/lib/cli/main.js", "build", "visa-apps", "--format", "raw", "--cache", cache];
  const { status, stderr } = spawnSync("node", command, { env: environment, encoding: "utf8" });
  if (status !== 0) throw new Error(`the build ended with ${status}:\n${stderr}`);
  const layers = stderr.match(/^\[\S+\] built in .*$/gm) ?? [];
  console.log(`\nthe chain, from nothing\n  ${layers.join("\n  ")}\n  ${stderr.trimEnd().split("\n").at(-1)}`);
}

try {
  console.log(`${cpus().length} cores, ${cpus()[0]?.model}, Node ${process.versions.node}\n`);
  synth();
  if (process.argv.includes("--build")) build();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
