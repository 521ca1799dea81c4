/** Steps 7 and 8: what a synth takes, and rendering beside packme. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../lib/package-root";
import { packmePrograms } from "../test/support/packme";
import { type Measured, measure, median } from "./measure";
import { mib, seconds, table } from "./table";

const RUNS = 5;
const IMAGES = [1, 10, 100];
const FILES = 20;

/** Synth of 1, 10 and 100 images of 20 files each; rendering of the bench's tree. @param scratch an empty folder */
export async function synth(scratch: string): Promise<string> {
  mkdirSync(scratch, { recursive: true });
  const rows = [
    await several(
      "loading cdktf, and nothing else",
      ["node", "-e", `require(${JSON.stringify(require.resolve("cdktf"))})`],
      scratch,
    ),
  ];
  for (const count of IMAGES) {
    const folder = join(scratch, `images-${count}`);
    const names = writeCatalog(folder, count);
    const environment = { BENCH_TEMPLATES: names.join(","), BENCH_VERIFY: "true", OS_CLOUD: "none" };
    const command = ["node", join(packageRoot(), "dist/bench/app.js")];
    rows.push(
      await several(`${count} image${count > 1 ? "s" : ""} of ${FILES} files each`, command, folder, environment),
    );
  }
  const synths = table(
    [`7. synth (median of ${RUNS})`, "time", "memory"],
    rows.map(({ what, median, memory }) => [what, seconds2(median), mib(memory)]),
  );
  return `${synths}\n\n${await rendering(join(scratch, "render"))}`;
}

async function rendering(folder: string): Promise<string> {
  cpSync(join(packageRoot(), "bench", "tree"), folder, { recursive: true });
  const environment = {
    ...{
      headless: "true",
      root_password: "bench",
      VISA_ROOT_PASSWORD: "bench",
      mirror: "http://mirror.example/debian",
    },
    ...{ start_disk: join(folder, "start.qcow2"), start_sha256: "0".repeat(64) },
  };
  const theirs = ["packme", "--templates-base-dir", "templates", "--debug", "--input", "config.yml"];
  const ours = ["node", join(packageRoot(), "dist/lib/cli/main.js"), "render", "--output", "rendered"];
  const rows = [
    await several("packme", theirs, folder, { ...environment, PATH: `${packmePrograms()}:${process.env.PATH}` }),
    await several("visa-image render", ours, folder, environment),
  ];
  return table(
    [`8. rendering three templates (median of ${RUNS})`, "time", "memory"],
    rows.map(({ what, median, memory }) => [what, seconds2(median), mib(memory)]),
  );
}

const seconds2 = (value: number) => seconds(value).replace(/^[\d.]+/, value.toFixed(2));

async function several(what: string, command: readonly string[], cwd: string, environment: NodeJS.ProcessEnv = {}) {
  const runs: Measured[] = [];
  for (let i = 0; i < RUNS; i++) {
    rmSync(join(cwd, "rendered"), { recursive: true, force: true });
    const env = { ...process.env, ...environment };
    runs.push(await measure(command, { cwd, env, folder: cwd, name: "measured" }));
  }
  return {
    what,
    median: median(runs.map((run) => run.seconds)),
    memory: Math.max(...runs.map((run) => run.maxResidentBytes)),
  };
}

/** A catalog of one base and many images on it; each has a script, and files beside it. */
function writeCatalog(folder: string, count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => `image-${i + 1}`);
  mkdirSync(join(folder, "base"), { recursive: true });
  writeFileSync(
    join(folder, "config.yml"),
    `templates:\n  base:\n${names.map((name) => `  ${name}:\n    extends: base\n`).join("")}`,
  );
  writeFileSync(
    join(folder, "base", "manifest.yml"),
    "packer:\n  provisioners:\n    - type: shell\n      inline: [true]\n",
  );
  for (const name of names) {
    const files = join(folder, name, "files");
    mkdirSync(files, { recursive: true });
    writeFileSync(
      join(folder, name, "manifest.yml"),
      "packer:\n  provisioners:\n    - type: file\n      source: files\n      destination: /opt/\n    - type: shell\n      script: install.sh\n",
    );
    writeFileSync(join(folder, name, "install.sh"), `#!/bin/bash\necho ${name}\n`, { mode: 0o755 });
    for (let i = 1; i < FILES; i++) writeFileSync(join(files, `file-${i}`), `${name} ${i}\n`.repeat(500));
  }
  return names;
}
