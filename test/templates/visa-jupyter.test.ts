import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const templates = join(__dirname, "../../templates");
const script = join(templates, "visa-apps/jupyter/visa-jupyter");
const folder = mkdtempSync(join(tmpdir(), "visa-jupyter-"));
const ownerFile = join(folder, "owner");

afterAll(() => rmSync(folder, { recursive: true }));

function program(name: string, text: string): void {
  writeFileSync(join(folder, name), `#!/bin/bash\n${text}\n`);
  chmodSync(join(folder, name), 0o755);
}

beforeAll(() => {
  // A key that is missing ends with 1.
  program("visa-owner", '[[ $1 == --metadata && $2 == id && ${ID+x} ]] && printf "%s\\n" "$ID"');
  program(
    "getent",
    [
      "case $2 in",
      "  jane.doe) echo 'jane.doe:x:1234:4321:Jane:/home/jane.doe:/bin/bash' ;;",
      "  daemon) echo 'daemon:x:1:1::/usr/sbin:/usr/sbin/nologin' ;;",
      "  *) exit 2 ;;",
      "esac",
    ].join("\n"),
  );
  program("setpriv", 'printf "%s\\n" "$@"');
});

function start(owner: string | undefined, id?: string) {
  rmSync(ownerFile, { force: true });
  if (owner !== undefined) writeFileSync(ownerFile, owner);
  const env = { PATH: `${folder}:/usr/bin:/bin`, ...(id !== undefined && { ID: id }) };
  const { status, stdout, stderr } = spawnSync("bash", [script, ownerFile], { encoding: "utf8", env });
  return { status, words: stdout.trim().split("\n"), stderr };
}

test("runs as the owner, below the instance's own address, without a token and with XSRF checks", () => {
  const { status, words, stderr } = start("jane.doe\n", "42");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const text = words.join(" ");
  expect(text).toContain("--reuid 1234 --regid 4321 --init-groups env --chdir /home/jane.doe HOME=/home/jane.doe");
  expect(words).toEqual(
    expect.arrayContaining([
      "USER=jane.doe",
      "/opt/jupyter/bin/jupyter-lab",
      "--ServerApp.base_url=/jupyter/42/",
      "--ServerApp.ip=*",
      "--ServerApp.port=8888",
      "--ServerApp.port_retries=0",
      "--ServerApp.root_dir=/home/jane.doe",
      "--ServerApp.allow_remote_access=True",
      "--ServerApp.disable_check_xsrf=False",
      "--IdentityProvider.token=",
    ]),
  );
  expect(text).not.toContain("allow-root");
});

test.each([
  ["no id", undefined],
  ["an empty id", ""],
  ["words", "abc"],
  ["another path", "1/../2"],
  ["a second option", "1 --ServerApp.x=y"],
  ["a second line", "1\n2"],
  ["a leading zero", "01"],
  ["a negative one", "-1"],
  ["twenty digits", "9".repeat(20)],
])("fails for good with %s", (_, id) => {
  const { status, words, stderr } = start("jane.doe\n", id);
  // The unit does not try again after this one.
  expect(status).toBe(78);
  expect(stderr).toMatch(/^visa-jupyter: the metadata.*"id".*JupyterLab is not started\n$/);
  expect(words).toEqual([""]);
});

test.each([
  ["no owner", undefined, 1, "this instance has no owner yet"],
  ["an empty owner", "", 1, "this instance has no owner yet"],
  ["an owner without an account", "joe\n", 1, "the owner joe has no account"],
  ["an account of the system", "daemon\n", 78, "the owner daemon is an account of the system"],
])("fails with %s", (_, owner, code, message) => {
  const { status, words, stderr } = start(owner, "1");
  expect({ status, stderr }).toEqual({ status: code, stderr: `visa-jupyter: ${message}; JupyterLab is not started\n` });
  expect(words).toEqual([""]);
});

test("its unit is sound, and wanted by visa-ready.target alone", () => {
  const unit = readFileSync(join(templates, "visa-apps/jupyter/visa-jupyter.service"), "utf8");
  expect(unit).toMatch(/^RestartPreventExitStatus=78$/m);
  expect(unit.match(/^(WantedBy|RequiredBy|Also)=.*$/gm)).toEqual(["WantedBy=visa-ready.target"]);
  copyFileSync(join(templates, "visa-base/files/visa-ready.target"), join(folder, "visa-ready.target"));
  const file = join(folder, "visa-jupyter.service");
  const verify = (text: string) => {
    writeFileSync(file, text);
    return spawnSync("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", file], { encoding: "utf8" });
  };
  // systemd looks for the program too.
  const here = unit.replace("/usr/lib/visa/visa-jupyter", script);
  expect(verify(here)).toMatchObject({ status: 0, stderr: "" });
  expect(verify(here.replace("Restart=always", "Restart=allways")).stderr).toContain("allways");
});
