import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readVariables } from "../../lib/cli/build-command";
import { compileCommand, removeCommand } from "../build/support/command";

let command: string;
let folder: string;

beforeAll(() => {
  command = compileCommand();
  folder = mkdtempSync(join(tmpdir(), "visa-image-cli-"));
});
afterAll(() => {
  removeCommand();
  rmSync(folder, { recursive: true });
});

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: folder,
    env: { ...process.env, VISA_IMAGE_CACHE: join(folder, "cache"), NO_COLOR: "1" },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("help names every option of build, and hides the worker", () => {
  expect(run("--help")).toMatchObject({ status: 0, stdout: expect.not.stringContaining("worker") });
  const { stdout } = run("build", "--help");
  for (const option of [
    "catalog",
    "specification",
    "variable",
    "pam-public",
    "root-password-file",
    "output",
    "format",
    "refresh",
    "cpus",
    "memory",
    "accelerator",
    "not-headless",
    "verbose",
    "quiet",
    "debug",
  ]) {
    expect(stdout).toContain(`--${option}`);
  }
});

test("help loads none of what a build needs", () => {
  const script = `
    process.on("exit", () => console.error(Object.keys(require.cache).filter((name) => /lib\\/(build|template|packer|cli\\/[a-z]+-command)|minijinja|yaml|ajv/.test(name)).join(" ")));
    const { makeProgram } = require(${JSON.stringify(command)});
    makeProgram().parseAsync(["--help"], { from: "user" });`;
  const { stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  expect(stderr.trim()).toBe("");
});

test("an empty cache lists nothing", () => {
  expect(run("list", "--json")).toMatchObject({ status: 0, stdout: "[]\n" });
  expect(run("list")).toMatchObject({ status: 0, stdout: "", stderr: expect.stringContaining("is empty") });
});

describe("fails with exit code 2 and no stack trace", () => {
  test.each([
    ["an unknown command", ["frob"], "unknown command 'frob'"],
    ["an unknown option, with the nearest known one", ["build", "--outptu", "x"], "Did you mean --output?"],
    ["no number", ["build", "--cpus", "many"], "a whole number is needed"],
    [
      "a specification that is not there",
      ["build", "--specification", "none.json"],
      'cannot read the specification "none.json"',
    ],
    ["a specification and a template", ["build", "x", "--specification", "none.json"], "does not go with a template"],
    ["a variable without a value", ["build", "x", "--variable", "name"], '"name" is no variable'],
  ])("%s", (_, args, message) => {
    const { status, stderr } = run(...args);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(status).toBe(2);
  });

  test("a specification of another version", () => {
    writeFileSync(join(folder, "old.json"), JSON.stringify({ version: 0, layers: [] }));
    const { status, stderr } = run("build", "--specification", "old.json");
    expect(stderr).toContain('the build specification has version "0"');
    expect(stderr).toContain("fix: synthesize again");
    expect(status).toBe(2);
  });
});

test("shows a stack trace with --debug", () => {
  expect(run("build", "--specification", "none.json", "--debug").stderr).toMatch(/^ +at /m);
});

test("a reader that goes away is no error", () => {
  expect(() => execFileSync("sh", ["-c", `'${process.execPath}' '${command}' build --help | head -n 1`])).not.toThrow();
});

test("variables go to the template that is built, or to the one that they name", () => {
  expect(readVariables(["a=1", "visa-base.b=x=y", "c="], "apps")).toEqual({
    apps: { a: "1", c: "" },
    "visa-base": { b: "x=y" },
  });
});
