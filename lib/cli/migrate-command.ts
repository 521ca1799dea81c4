/** `visa-image migrate`: a tree of packme's, taken over. */
import { relative, resolve } from "node:path";
import { ExitCode } from "../errors";
import { type Migration, migrate } from "../migrate/migrate";
import type { Advice } from "../migrate/tree";

/** Options of the command. */
export interface MigrateCommandOptions {
  readonly output?: string;
  readonly json?: true;
}

/** Runs the command. */
export function runMigrate(directory: string, options: MigrateCommandOptions): void {
  const folder = resolve(directory);
  const target = options.output ?? (relative("", `${folder}-visa-images`) || `${folder}-visa-images`);
  const migration = migrate(folder, target, process.env);
  if (options.json) process.stdout.write(`${JSON.stringify(migration, null, 2)}\n`);
  else process.stdout.write(describe(migration, directory, target));
  if (migration.left.length > 0) process.exitCode = ExitCode.FAILURE;
}

function describe({ folder, changes, leftOut, left, advice }: Migration, directory: string, target: string): string {
  const place = ({ file, line }: Pick<Advice, "file" | "line">) =>
    file === undefined ? "" : `${[file, line].filter((each) => each !== undefined).join(":")}: `;
  const section = (title: string, lines: readonly string[]) => (lines.length > 0 ? `${title}:\n${lines.join("")}` : "");
  const advised = (own: readonly Advice[]) =>
    own.map((each) => `  ${place(each)}${each.what}\n${each.fix === undefined ? "" : `    fix: ${each.fix}\n`}`);
  const catalog = folder === undefined ? directory : target;
  return [
    `${summary(changes.length, left.length)}\n`,
    folder === undefined ? "" : `the new tree is in ${target}; ${directory} is as it was\n`,
    section(
      "put right",
      changes.map((each) => `  ${place(each)}${each.what}\n    since ${each.why}\n`),
    ),
    section(
      "left out, since no build reads it",
      folder === undefined ? [] : leftOut.map((each) => `  ${each.file}: ${each.why}\n`),
    ),
    section("for you to do", advised(left)),
    section("to be looked at", advised(advice)),
    `next:\n  npx visa-image explain --catalog ${catalog}\n  npx visa-image build --catalog ${catalog}\n`,
  ].join("");
}

function summary(changes: number, left: number): string {
  const things = (count: number) => (count === 1 ? "1 thing" : `${count} things`);
  if (left > 0) return `${things(left)} left for you to do${changes > 0 ? `; ${things(changes)} put right` : ""}`;
  if (changes > 0) return `nothing is left for you to do: ${things(changes)} put right, and the tree can be built`;
  return "nothing has to be done: the tree can be built as it is";
}
