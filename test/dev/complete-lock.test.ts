import { readFileSync } from "node:fs";
import { join } from "node:path";
import { missingEntries, platform } from "../../dev/complete-lock";

describe("a platform", () => {
  it("is told by a package's name", () => {
    expect(platform("@biomejs/cli-darwin-x64")).toEqual({ os: ["darwin"], cpu: ["x64"] });
    expect(platform("@swc/core-linux-arm64-musl")).toEqual({ os: ["linux"], cpu: ["arm64"], libc: ["musl"] });
    expect(platform("@swc/core-win32-x64-msvc")).toEqual({ os: ["win32"], cpu: ["x64"] });
    expect(platform("@unrs/resolver-binding-linux-riscv64-gnu")).toMatchObject({ libc: ["glibc"] });
  });

  it("is not seen in other names", () => {
    expect(platform("fsevents")).toBeUndefined();
    expect(platform("@scope/linux-tools")).toBeUndefined();
  });
});

test("only pinned packages for platforms that are missing are added", () => {
  const packages = {
    "node_modules/tool": {
      version: "1.0.0",
      optionalDependencies: {
        "tool-linux-x64": "1.0.0",
        "tool-darwin-x64": "1.0.0",
        "tool-win32-x64": "^1.0.0",
        other: "2.0.0",
      },
    },
    "node_modules/tool-linux-x64": { version: "1.0.0" },
  };
  expect(missingEntries(packages)).toEqual({
    "node_modules/tool-darwin-x64": { version: "1.0.0", optional: true, os: ["darwin"], cpu: ["x64"] },
  });
});

test("the project's own lock file is complete, so that npm ci takes it", () => {
  const lock = JSON.parse(readFileSync(join(__dirname, "../../package-lock.json"), "utf8"));
  expect(Object.keys(missingEntries(lock.packages))).toEqual([]);
});
