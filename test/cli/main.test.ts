import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expandOriginalOptions } from "../../lib/cli/arguments";
import { readVariables } from "../../lib/cli/inputs";
import { temporaryCatalog } from "../fixtures/temporary-catalog";
import { compileCommand } from "../runner/support/command";
import { runCommand } from "./run-command";

const DISK = `base: {file: {path: base.qcow2, checksum: "sha256:${"b".repeat(64)}"}}`;
const CATALOG = {
  "config.yml": "templates: {lower: , upper: {extends: lower}}\n",
  "lower/manifest.yml": `packer:\n  ${DISK}\n  provisioners: [{type: shell, inline: ["echo {{ colour }} {{ root_password }}"]}]\n`,
  "lower/environment.yml": "environment: {colour: red}\n",
  "upper/manifest.yml": "packer:\n  provisioners: [{type: shell, script: install.sh}]\n",
  "upper/install.sh": "#!/bin/sh\n",
};

let command: string;
let folder: string;

beforeAll(() => {
  command = compileCommand();
  folder = temporaryCatalog(CATALOG);
});

const environment = () => ({ ...process.env, VISA_IMAGE_CACHE: join(folder, "cache"), NO_COLOR: "1" });

/** Runs it here. */
const run = (...args: string[]) => runCommand(args, folder, environment());

/** Runs it as a process, which a build needs: it starts a worker. */
function start(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: folder,
    env: environment(),
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("help names every option of build, and hides the worker", async () => {
  expect(await run("--help")).toMatchObject({ status: 0, stdout: expect.not.stringContaining("worker") });
  const { stdout } = await run("build", "--help");
  for (const option of [
    "catalog",
    "specification",
    "variable",
    "pam-public",
    "root-password-file",
    "output",
    "format",
    "cache-buster",
    "root-password <",
    "http-proxy",
    "no-proxy",
    "no-cache",
    "keep-on-failure",
    "json",
    "cpus",
    "memory",
    "accelerator",
    "preset",
    "cpu-model",
    "nested",
    "vnc",
    "parallel",
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
    process.on("exit", () => console.error(Object.keys(require.cache).filter((name) => /lib\\/(runner|template|packer|cli\\/[a-z]+-command)|minijinja|yaml|ajv/.test(name)).join(" ")));
    const { makeProgram } = require(${JSON.stringify(command)});
    makeProgram().parseAsync(["--help"], { from: "user" }).catch(() => {});`;
  const { stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  expect(stderr.trim()).toBe("");
});

test.each(["build", "render", "explain", "cache", "show", "doctor", "init", "boot-command", "lock"])(
  "%s --help loads no package that only the work itself needs",
  (name) => {
    const script = `
      process.on("exit", () => console.error(Object.keys(require.cache).join("\\n")));
      require(${JSON.stringify(command)}).makeProgram().parseAsync(process.argv.slice(2), { from: "user" }).catch(() => {});`;
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", script, "visa-image", name, "--help"], {
      encoding: "utf8",
    });
    expect(stdout).toContain(`Usage: visa-image ${name}`);
    const packages = stderr
      .split("\n")
      .flatMap((file) => /.*node_modules\/(@[^/]+\/[^/]+|[^/.][^/]*)/.exec(file)?.[1] ?? []);
    // The last two are of the lock's reader, and small.
    const small = ["@commander-js/extra-typings", "commander", "fastest-levenshtein", "yaml"];
    expect(packages).toContain("commander");
    expect([...new Set(packages)].filter((each) => !small.includes(each))).toEqual([]);
  },
);

test("an empty cache lists nothing", async () => {
  expect(await run("cache", "list", "--json")).toMatchObject({ status: 0, stdout: "[]\n", stderr: "" });
  expect(await run("cache", "list")).toMatchObject({
    status: 0,
    stdout: "",
    stderr: expect.stringContaining("is empty"),
  });
  expect(await run("lock", "show", "--json")).toMatchObject({ status: 0, stdout: "{}\n" });
});

describe("fails with exit code 2 and no stack trace", () => {
  test.each([
    ["an unknown command", ["frob"], "unknown command 'frob'"],
    ["an unknown option, with the nearest known one", ["build", "--outptu", "x"], "Did you mean --output?"],
    ["no number", ["build", "--cpus", "many"], "a whole number is needed"],
    ["a preset that is not there", ["build", "--preset", "huge"], "Allowed choices are trial, production"],
    ["an address of VNC that is none", ["build", "lower", "--vnc", "here"], '--vnc is "here"'],
    ["a CPU that is none", ["build", "lower", "--cpu-model", "x y"], '"x y" is no name of a CPU'],
    [
      "a specification that is not there",
      ["build", "--specification", "none.json"],
      'cannot read the specification "none.json"',
    ],
    ["a specification and a template", ["build", "x", "--specification", "none.json"], "does not go with a template"],
    ["a variable without a value", ["build", "upper", "--variable", "name"], '"name" is no variable'],
  ])("%s", async (_, args, message) => {
    const { status, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(status).toBe(2);
  });

  test("a specification of another version", () => {
    writeFileSync(join(folder, "old.json"), JSON.stringify({ version: 0, layers: [] }));
    const { status, stderr } = start("build", "--specification", "old.json");
    expect(stderr).toContain('the build specification has version "0"');
    expect(stderr).toContain("fix: synthesize again");
    expect(status).toBe(2);
  });
});

describe("the original's options", () => {
  test("are expanded to long ones, but for what follows --", () => {
    expect(expandOriginalOptions(["build", "-pp", "key.pem", "-rp=x", "-nh", "--", "-hp"])).toEqual([
      "build",
      "--pam-public",
      "key.pem",
      "--root-password=x",
      "--not-headless",
      "--",
      "-hp",
    ]);
    const warn = jest.fn();
    expect(expandOriginalOptions(["build", "--refresh", "x", "--parents-from-glance"], warn)).toEqual([
      ...["build", "--cache-buster", "x", "--cache-from=glance"],
    ]);
    expect(warn.mock.calls.flat()).toEqual([
      expect.stringContaining('"--refresh" is "--cache-buster" now'),
      expect.stringContaining('"--parents-from-glance" is "--cache-from=glance" now'),
    ]);
    expect(expandOriginalOptions(["--root-psasword", "x", "--notheadless"])).toEqual([
      "--root-password",
      "x",
      "--not-headless",
    ]);
  });

  test("a password on the command line works, with a warning, and is on no list of processes afterwards", () => {
    const { status, stderr } = start("build", "upper", "-rp", "Canary-1618", "-np", "a,b", "--accelerator", "tcg");
    expect(stderr).toContain("warning: others on this machine can see a password on the command line");
    // The base of this catalog does not exist: the build began, and got as far as that.
    expect(stderr).toMatch(/base\.qcow2/);
    expect(stderr).not.toContain("Canary-1618");
    expect(status).not.toBe(0);
  });

  test("a missing password is exit code 2 and says what to set", () => {
    const { status, stderr } = start("build", "upper", "--accelerator", "tcg");
    expect(stderr).toContain("export VISA_ROOT_PASSWORD=…");
    expect(status).toBe(2);
  });

  test("two passwords are one too many", async () => {
    const { status, stderr } = await run("build", "upper", "-rp", "x", "--root-password-file", "y");
    expect(stderr).toContain("--root-password does not go with --root-password-file");
    expect(status).toBe(2);
  });
});

describe("render", () => {
  test("prints the configuration of a template, with the password as a variable", async () => {
    const { status, stdout } = await run("render", "lower", "--variable", "colour=blue");
    expect(status).toBe(0);
    const { build, variable } = JSON.parse(stdout);
    expect(JSON.stringify(build)).toContain("echo blue ${var.root_password}");
    expect(variable.root_password).toMatchObject({ sensitive: true });
  });

  test("prints packme's form, of all templates", async () => {
    const { stdout } = await run("render", "--legacy");
    expect(JSON.parse(stdout)).toMatchObject({
      lower: { provisioners: [{ inline: ["echo red {{user `root_password`}}"] }] },
      upper: { provisioners: [{ type: "shell", script: join(folder, "upper/install.sh") }] },
    });
  });

  test("writes files, and prints fingerprints for programs", async () => {
    const { stdout } = await run("render", "--output", "rendered", "--json");
    expect(readdirSync(join(folder, "rendered")).sort()).toEqual(["lower.pkr.json", "upper.pkr.json"]);
    const file = JSON.parse(readFileSync(join(folder, "rendered/upper.pkr.json"), "utf8"));
    expect(JSON.parse(stdout)[1]).toMatchObject({
      template: "upper",
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      configuration: file,
    });
  });

  test("reads the variables that the app of stacks/ reads, and an option goes before them", async () => {
    const rendered = async (variables: Record<string, string>, ...args: string[]) => {
      const environment = { ...process.env, ...variables };
      const { stdout, stderr } = await runCommand(
        ["render", "lower", "--json", ...args],
        join(folder, "lower"),
        environment,
      );
      return stdout ? JSON.parse(stdout)[0].fingerprint : stderr;
    };
    const plain = await rendered({}, "--catalog", folder);
    expect(await rendered({ VISA_CATALOG: folder })).toBe(plain);
    expect(await rendered({ VISA_CATALOG: "/nowhere" }, "--catalog", folder)).toBe(plain);
    const refreshed = await rendered({ VISA_CATALOG: folder, VISA_CACHE_BUSTER: "2026-11" });
    expect(refreshed).toMatch(/^[0-9a-f]{64}$/);
    expect(refreshed).not.toBe(plain);
  });

  test("fails for an unknown template with the nearest", async () => {
    const { status, stderr } = await run("render", "uper");
    expect(stderr).toContain('did you mean "upper"?');
    expect(status).toBe(2);
  });
});

test("boot-command prints the script that the images have, or cloud-config", async () => {
  const script = readFileSync("templates/visa-base/files/visa-owner", "utf8");
  expect((await run("boot-command")).stdout).toBe(script);
  const { stdout } = await run("boot-command", "--format", "cloud-config", "--json");
  expect(JSON.parse(stdout).bootCommand).toMatch(/^#cloud-config\nruncmd:/);
});

test("boot-command mends what an editor of another system left, and says so", async () => {
  writeFileSync(join(folder, "extra.sh"), "\uFEFFecho one\r\nexit 0\r\n");
  const { stdout, stderr, status } = await run("boot-command", "--extra-shell", "extra.sh");
  expect(status).toBe(0);
  expect(stdout.endsWith("\n)\n(\necho one\nexit 0\n)\n")).toBe(true);
  expect(stderr).toBe(
    "warning: the extra shell begins with a byte order mark, which was left out\n" +
      "warning: the extra shell has lines that end as on Windows (CRLF), which were mended\n",
  );
});

describe("init", () => {
  test("makes a project with a layer of its own, and overwrites nothing", async () => {
    const { status, stdout } = await run("init", "made", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).files).toEqual(
      expect.arrayContaining([".gitignore", "cdktf.json", "main.ts", "package.json", "facility/config.yml"]),
    );
    const own = JSON.parse(readFileSync(join(folder, "made/package.json"), "utf8"));
    const { version, devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(own.dependencies).toMatchObject({
      "cdktf-visa-images": `^${version}`,
      constructs: devDependencies.constructs,
    });
    expect(Object.values(own.dependencies)).not.toContain(undefined);

    writeFileSync(join(folder, "made/main.ts"), "mine");
    const again = await run("init", "made");
    expect(again.stderr).toContain('"main.ts"');
    expect(again.stderr).toContain("nothing is overwritten");
    expect(again.status).toBe(2);
    expect(readFileSync(join(folder, "made/main.ts"), "utf8")).toBe("mine");
  });
});

test("doctor ends with exit code 1 where something is missing, and says how to get it", () => {
  const { status, stdout } = spawnSync(process.execPath, [command, "doctor"], {
    cwd: folder,
    env: { PATH: join(folder, "nothing"), HOME: folder, VISA_HTTP_PROXY: "http://127.0.0.1:1" },
    encoding: "utf8",
  });
  expect(stdout).toMatch(/missing +packer +not on PATH\n +fix: on Debian: apt install packer\n/);
  expect(status).toBe(1);
});

test("help shows no command that only Terraform calls, and no old name", async () => {
  expect((await run("--help")).stdout).not.toMatch(/^ {2}(list|worker|cloud)\b/m);
  expect((await run("lock", "--help")).stdout).not.toMatch(/^ {2}(add|use|check)\b/m);
  expect(await run("list", "--json")).toMatchObject({
    stdout: "[]\n",
    stderr: expect.stringContaining('"visa-image cache list"'),
  });
});

test("shows a stack trace with --debug", async () => {
  expect((await run("build", "--specification", "none.json", "--debug")).stderr).toMatch(/^ +at /m);
});

test("a reader that goes away is no error", () => {
  expect(() => execFileSync("sh", ["-c", `'${process.execPath}' '${command}' build --help | head -n 1`])).not.toThrow();
});

test("variables go to the template that is built, or to the one that they name", () => {
  expect(readVariables(["a=1", "visa-base.b=x=y.z=1", "ubuntu-24.04.b=2", "c="], "apps")).toEqual({
    apps: { a: "1", c: "" },
    "visa-base": { b: "x=y.z=1" },
    "ubuntu-24.04": { b: "2" },
  });
});

test.each([["render", "lower"], ["--help"], ["build", "--help"], ["doctor"]])(
  "fails where what %s prints has no room",
  (...args) => {
    const { status, stderr } = spawnSync(
      "/bin/bash",
      ["-c", '"$0" "$@" > /dev/full', process.execPath, command, ...args],
      {
        cwd: folder,
        env: { PATH: join(folder, "nothing"), HOME: folder, VISA_HTTP_PROXY: "http://127.0.0.1:1" },
        encoding: "utf8",
      },
    );
    expect(stderr).toMatch(/^visa-image: cannot write what was asked for: .*ENOSPC/);
    expect(status).toBe(1);
  },
);

test("fails for a template of a catalog in a folder below, with that folder", async () => {
  const project = temporaryCatalog({
    "another/config.yml": "templates: {other: }\n",
    "facility/config.yml": "templates: {my-apps: {extends: visa-base}}\n",
    "facility/my-apps/manifest.yml": "packer: {}\n",
  });
  const { status, stderr } = await runCommand(["explain", "my-apps"], project);
  expect(stderr).toContain(
    'there is no template "my-apps" in this catalog\n  fix: say where it is: --catalog facility',
  );
  expect(status).toBe(2);
});
