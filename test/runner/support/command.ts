/**
 * The command as users get it: compiled, since what is tested is processes and not modules. A compiler that knows no
 * types makes it in a fraction of a second, so that no test depends on an old dist/.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { transformSync } from "@swc/core";

const root = resolve(__dirname, "../../..");

/** Compiles lib/ to a folder from where node_modules is found; returns the path of the command. */
export function compileCommand(): string {
  const out = join(root, "node_modules/.cache", `visa-image-test-${process.pid}`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const name of ["package.json", "templates", "examples"]) {
    cpSync(join(root, name), join(out, name), { recursive: true });
  }
  for (const entry of readdirSync(join(root, "lib"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(out, source.slice(root.length));
    mkdirSync(join(target, ".."), { recursive: true });
    if (entry.name.endsWith(".ts")) {
      const { code } = transformSync(readFileSync(source, "utf8"), {
        filename: source,
        jsc: { target: "es2022", parser: { syntax: "typescript" } },
        module: { type: "commonjs" },
      });
      writeFileSync(target.replace(/\.ts$/, ".js"), code);
    } else {
      cpSync(source, target);
    }
  }
  return join(out, "lib/cli/main.js");
}

/** Removes what {@link compileCommand} made. */
export function removeCommand(): void {
  rmSync(join(root, "node_modules/.cache", `visa-image-test-${process.pid}`), { recursive: true, force: true });
}
