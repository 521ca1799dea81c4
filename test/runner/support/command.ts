/**
 * The command as users get it: compiled, since what is tested is processes and not modules. A compiler that knows no
 * types makes it in a second, so that no test depends on an old dist/, and none waits while a process compiles itself.
 */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { transformSync } from "@swc/core";

const root = resolve(__dirname, "../../..");
/** From where node_modules is found. */
const CACHE = join(root, "node_modules/.cache/visa-image-test");
const COPIED = ["package.json", "templates", "examples"];
const COMPILED = ["lib", "test/integration/stand-in.ts"];
const DAY_MS = 86_400_000;

/** What this test file was given: a file of many deploys asks again and again. */
let known: string | undefined;

/** Compiles `visa-image`, and returns the path of the command. */
export function compileCommand(): string {
  known ??= compiled();
  return join(known, "lib/cli/main.js");
}

/** Compiles the `visa-image` whose builds are small files: integration/stand-in.ts. */
export function compileStandIn(): string {
  known ??= compiled();
  return join(known, "test/integration/stand-in.js");
}

/** A folder by what it was made from: each test file finds what the first one made. */
function compiled(): string {
  const files = [...COPIED, ...COMPILED].flatMap(filesOf).sort();
  const sum = createHash("sha256");
  for (const file of files)
    sum.update(`${file.slice(root.length)} ${statSync(file).mode}\n`).update(readFileSync(file));
  const folder = join(CACHE, sum.digest("hex").slice(0, 16));
  if (existsSync(folder)) return folder;

  mkdirSync(CACHE, { recursive: true });
  for (const name of readdirSync(CACHE)) {
    if (statSync(join(CACHE, name)).mtimeMs < Date.now() - DAY_MS) rmSync(join(CACHE, name), { recursive: true });
  }
  const making = mkdtempSync(join(CACHE, "making-"));
  for (const file of files) put(file, join(making, file.slice(root.length)));
  try {
    renameSync(making, folder);
  } catch (error) {
    // Another test file was first.
    if (!existsSync(folder)) throw error;
    rmSync(making, { recursive: true });
  }
  return folder;
}

function filesOf(name: string): string[] {
  const path = join(root, name);
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function put(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  if (!source.endsWith(".ts") || source.includes("/examples/")) {
    cpSync(source, target);
    return;
  }
  const { code } = transformSync(readFileSync(source, "utf8"), {
    filename: source,
    jsc: { target: "es2022", parser: { syntax: "typescript" } },
    module: { type: "commonjs" },
  });
  writeFileSync(target.replace(/\.ts$/, ".js"), code);
}
