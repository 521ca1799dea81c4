import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const script = join(__dirname, "../../templates/visa-base/files/visa-owner");

const check = (...names: string[]) =>
  spawnSync("bash", [script, "--check", ...names], { encoding: "utf8", env: { PATH: process.env.PATH } });

it.each(["joe", "jane.doe2", "j", "Jane_Doe-3", "9abc", "visa.x-1234567890.1234567890.123", "user123.test.x"])(
  'takes "%s" for an owner, and says nothing',
  (name) => {
    const { status, stdout, stderr } = check(name);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  },
);

it.each([
  ["", "it is empty"],
  ["root", "account of the system"],
  ["daemon", "account of the system"],
  ["nobody", "account of the system"],
  // A group without a user of that name: useradd would make its owner a member of it.
  ["disk", "group of the system"],
  ["../x", "other characters"],
  ["a/b", "other characters"],
  [".", "other characters"],
  [".hidden", "other characters"],
  ["-rf", "other characters"],
  ["a,b", "other characters"],
  ["a;b", "other characters"],
  ["a:b", "other characters"],
  ["a b", "other characters"],
  [" a", "other characters"],
  ["a\n", "other characters"],
  ["a\nb", "other characters"],
  ["$(id)", "other characters"],
  ["`id`", "other characters"],
  ["jürgen", "other characters"],
  ["a$", "other characters"],
  ["1000", "number of a user"],
  ["a".repeat(33), "more than 32 characters"],
  ["a".repeat(300), "more than 32 characters"],
])("fails for %j", (name, reason) => {
  const { status, stderr } = check(name);
  expect(status).toBe(1);
  expect(stderr).toContain(`cannot be an owner: `);
  expect(stderr).toContain(reason);
  // One line, whatever stands in the name: it goes into a log.
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
});

it("fails without a name to check, and does nothing else", () => {
  expect(check().status).not.toBe(0);
});

it("can be user data: a script of its own, well below Nova's and VISA's limits", () => {
  const text = readFileSync(script, "utf8");
  expect(text.startsWith("#!/bin/bash\n")).toBe(true);
  expect(text.length).toBeLessThan(12_000);
  expect(text).not.toMatch(/\/var\/tmp\/visa-build|^\s*(source|\.) /m);
  expect(statSync(script).mode & 0o111).not.toBe(0);
});
