import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { assetFolder } from "../../../lib/package-root";
import { ContentsReader, contentsScript, type GuestContents } from "../../../lib/runner/guest/guest-contents";
import { scratchFolder } from "../../support/scratch";

const PROGRAM = join(assetFolder(join("runner", "guest", "inside")), "contents.py");

/** A system with these files. */
function system(files: Readonly<Record<string, string>>): string {
  const root = join(scratchFolder(), "root");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function look(root: string): GuestContents | undefined {
  const reader = new ContentsReader();
  reader.take('{"kind": "begin"}');
  const printed = execFileSync("python3", ["-I", "-S", "-B", PROGRAM, root], { encoding: "utf8" });
  for (const line of printed.trim().split("\n")) reader.take(line);
  return reader.result;
}

const SITE = "lib/python3.11/site-packages";
// As pip wrote them, but for the text that follows.
const NUMPY = `Metadata-Version: 2.4
Name: numpy
Version: 2.4.6
Summary: Fundamental package for array computing in Python
Classifier: Programming Language :: C
License-Expression: BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0
License-File: LICENSE.txt

Name: not this one
License: of the text below
`;
const SETUPTOOLS = `Metadata-Version: 2.1
Name: Some_Package
Version: 1.0+cu12
License: Copyright (c) somebody
        
        Permission is hereby granted to nobody
Classifier: License :: OSI Approved :: BSD License

`;
const MANTID = JSON.stringify({
  ...{ build: "py311h0_0", channel: "https://conda.example.org/mantid", license: "GPL-3.0-or-later" },
  ...{ name: "mantid", subdir: "linux-64", version: "6.13.0" },
  files: ["bin/mantid", `${SITE}/mantid-6.13.0.dist-info/METADATA`],
});
const KERNEL = JSON.stringify({
  argv: ["/data/kernels/deep/bin/python", "-m", "ipykernel_launcher"],
  display_name: "Python 3 (deep)",
});

const FILES = {
  [`opt/jupyter/${SITE}/numpy-2.4.6.dist-info/METADATA`]: NUMPY,
  [`opt/jupyter/${SITE}/numpy/_vendor/inner-1.dist-info/METADATA`]: "Name: inner\nVersion: 1\n\n",
  [`opt/jupyter/${SITE}/jupyter_server-2.21.1.dist-info/METADATA`]: "Name: jupyter_server\nVersion: 2.21.1\n\n",
  "opt/jupyter/share/jupyter/kernels/r/kernel.json": '{"argv": ["R"], "display_name": "R"}',
  [`opt/mantid/${SITE}/mantid-6.13.0.dist-info/METADATA`]: "Name: mantid\nVersion: 6.13.0\n\n",
  [`opt/mantid/${SITE}/extra-1.0.dist-info/METADATA`]: "Name: extra\nVersion: 1.0\n\n",
  "opt/mantid/conda-meta/mantid-6.13.0-py311h0_0.json": MANTID,
  "opt/mantid/conda-meta/history": "==> 2026-11-28 <==\n",
  "usr/local/lib/python3.11/dist-packages/Some_Package-1.0.egg-info/PKG-INFO": SETUPTOOLS,
  "srv/plugins/lone-3.dist-info/METADATA": "Name: lone\nVersion: 3\n\n",
  [`data/kernels/deep/${SITE}/ipykernel-7.4.0.dist-info/METADATA`]: "Name: ipykernel\nVersion: 7.4.0\n\n",
  "usr/local/share/jupyter/kernels/deep/kernel.json": KERNEL,
  // Debian's own, caches, and what conda unpacked there.
  "usr/lib/python3/dist-packages/PyYAML-6.0.egg-info/PKG-INFO": "Name: PyYAML\nVersion: 6.0\n\n",
  [`root/.cache/uv/x/${SITE}/cached-1.dist-info/METADATA`]: "Name: cached\nVersion: 1\n\n",
  "opt/mantid/pkgs/six-1/info/index.json": "{}",
  [`opt/mantid/pkgs/six-1/${SITE}/six-1.dist-info/METADATA`]: "Name: six\nVersion: 1\n\n",
  "usr/share/applications/silx.desktop": "[Desktop Entry]\nName=silx view\nExec=silx\n[Desktop Action x]\nName=other\n",
  "usr/share/applications/hidden.desktop": "[Desktop Entry]\nName=hidden\nNoDisplay=true\n",
  "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nbroken\n",
  "etc/systemd/system/multi-user.target.wants/xrdp.service": "",
};

test("lists environments of pip and conda, kernels, menu entries, units and users, and nothing twice", () => {
  const deep = "/data/kernels/deep";
  const found = look(system(FILES));
  expect(
    found?.packages.map(({ environment, name, version, type }) => `${environment} ${type} ${name} ${version}`),
  ).toEqual([
    "/opt/mantid conda mantid 6.13.0",
    `${deep} pypi ipykernel 7.4.0`,
    ...["jupyter_server 2.21.1", "numpy 2.4.6"].map((each) => `/opt/jupyter pypi ${each}`),
    "/opt/mantid pypi extra 1.0",
    "/srv/plugins pypi lone 3",
    "/usr/local pypi Some_Package 1.0+cu12",
  ]);
  const licenses = found?.packages.flatMap(({ name, license }) => (license ? [[name, license]] : []));
  expect(Object.fromEntries(licenses ?? [])).toEqual({
    numpy: "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    mantid: "GPL-3.0-or-later",
    Some_Package: "BSD License",
  });
  expect(found).toMatchObject({
    kernels: [
      { name: "deep", title: "Python 3 (deep)", environment: deep },
      { name: "r", title: "R", environment: "/opt/jupyter" },
    ],
    applications: [{ name: "silx.desktop", title: "silx view" }],
    units: ["xrdp.service"],
    users: [{ name: "root", uid: "0", shell: "/bin/bash" }],
    incomplete: [],
  });
});

test("goes on where something cannot be read, follows no link, and says what it lacks", () => {
  const root = system({
    "etc/passwd": "",
    [`opt/a/${SITE}/good-1.dist-info/METADATA`]: "Name: good\nVersion: 1\n\n",
    [`opt/a/${SITE}/lost-2.0.dist-info/RECORD`]: "",
    [`opt/a/${SITE}/odd.dist-info/METADATA`]: "\0\xff garbage",
    "opt/a/conda-meta/broken-1-0.json": '{"name": "bro',
    "usr/share/jupyter/kernels/k/kernel.json": "[]",
  });
  symlinkSync("/", join(root, "opt/a/loop"));
  symlinkSync("lib", join(root, "opt/a/lib64"));
  const found = look(root);
  expect(found?.packages.map(({ name, version }) => `${name} ${version}`)).toEqual(["good 1", "lost 2.0"]);
  expect(found?.incomplete).toEqual([
    "/usr/share/jupyter/kernels/k/kernel.json: not what Jupyter reads",
    "/opt/a/conda-meta/broken-1-0.json: not what conda writes",
    `/opt/a/${SITE}/lost-2.0.dist-info/METADATA: No such file or directory`,
    `/opt/a/${SITE}/odd.dist-info/METADATA: no version`,
  ]);
});

test("the step's lines are a shell's, with the prefix, and say nothing without a Python", () => {
  const folder = scratchFolder();
  const run = () =>
    execFileSync("/bin/sh", ["-eu"], { input: contentsScript("signed"), env: { PATH: folder }, encoding: "utf8" });
  const command = (name: string, body: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  };
  command("sed", 'exec /usr/bin/sed "$@"');
  expect(run()).toBe("");
  command("python3", `exec /usr/bin/python3 "$@" '${system({ "etc/passwd": "root:x:0:0::/root:/bin/sh" })}'`);
  expect(run().trim().split("\n")).toEqual([
    'signed {"kind": "begin"}',
    'signed {"kind": "user", "name": "root", "shell": "/bin/sh", "uid": "0"}',
    'signed {"kind": "end"}',
  ]);
  command("python3", "exit 1");
  expect(run()).toBe('signed {"kind": "begin"}\n');
});

test("fails of the program and lines that are no list are said, and not believed", () => {
  const reader = new ContentsReader();
  expect(reader.result).toBeUndefined();
  const package_ = { kind: "package", type: "pypi", environment: "/opt/a", name: "a", version: "1" };
  const lines = [
    { kind: "begin" },
    ...[
      { ...package_, name: "a b" },
      { ...package_, version: "1 2" },
      { ...package_, type: "npm" },
    ],
    { kind: "new" },
    { kind: "kernel", name: "k" },
  ];
  for (const line of lines) reader.take(JSON.stringify(line));
  reader.take("{");
  expect(reader.result).toMatchObject({ packages: [], kernels: [] });
  expect(reader.result?.incomplete).toHaveLength(7);
  expect(reader.result?.incomplete.at(-1)).toBe("the list broke off");
});
