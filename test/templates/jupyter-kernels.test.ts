import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const jupyter = join(__dirname, "../../templates/visa-apps/jupyter");
const folder = mkdtempSync(join(tmpdir(), "visa-kernels-"));
const file = join(folder, "kernels.yml");

afterAll(() => rmSync(folder, { recursive: true }));

function check(text: string | Buffer, path = file) {
  if (path === file) writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync("/usr/bin/python3", [join(jupyter, "jupyter-kernels"), "check", path], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const kernel = (lines: string) => `kernels:\n  - name: a\n    display_name: A\n${lines.replace(/^/gm, "    ")}\n`;

test("the shipped file is right, and has the kernel that a new notebook starts with", () => {
  expect(check("", join(jupyter, "kernels.yml"))).toEqual({ status: 0, stdout: "", stderr: "" });
  const script = "import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))['kernels'][0]['name'])";
  expect(execFileSync("/usr/bin/python3", ["-c", script, join(jupyter, "kernels.yml")], { encoding: "utf8" })).toBe(
    "python3\n",
  );
});

test.each([
  "packages: [numpy]",
  'packages: ["numpy>=2,<3", "dask[array, distributed]", scikit-image==0.25.*, h5py ~= 3.1]',
  "conda: {channels: [mantid, conda-forge], packages: [mantid >=6.10, python=3.11]}",
  "packages: [numpy]\nconda: {channels: ['https://mirror.example/conda'], packages: [mantid]}",
])("takes %j", (lines) => {
  expect(check(kernel(lines))).toEqual({ status: 0, stdout: "", stderr: "" });
});

test.each([
  ["no list", "kernels: 3\n", 1, '"kernels" is not a list with entries'],
  ["an empty file", "", 1, "the file is not a mapping"],
  ["a file without kernels", "{}\n", 1, 'there is no "kernels"; begin the file with "kernels:"'],
  ["an empty list", "kernels: []\n", 1, '"kernels" is not a list with entries'],
  ["another key", "kernel:\n  - name: a\n", 1, 'the file has an unknown key "kernel"; known are kernels'],
  ["broken YAML", "kernels:\n  - name: [a\n", 3, "is not YAML: "],
  ["an alias to nothing", "kernels: *a\n", 1, "is not YAML: "],
  ["an entry that is a text", "kernels:\n  - numpy\n", 2, "kernel 1 is not a mapping"],
  ["no name", "kernels:\n  - display_name: A\n    packages: [x]\n", 2, "kernel 1 has no name; add one"],
  ["no display name", "kernels:\n  - name: a\n    packages: [x]\n", 2, 'kernel "a" has no display_name; add one'],
  ["a number for a name", "kernels:\n  - name: 3\n    display_name: A\n", 2, "the name of kernel 1 is not a text"],
  ["a name with capitals", kernel("packages: [x]").replace("name: a", "name: Py"), 2, '"Py" cannot be the name'],
  ["a name that is a path", kernel("packages: [x]").replace("name: a", "name: ../x"), 2, '"../x" cannot be the name'],
  ["an unknown key of a kernel", kernel("packges: [x]"), 4, 'kernel 1 has an unknown key "packges"'],
  ["a key twice", kernel("packages: [x]\npackages: [y]"), 5, 'kernel 1 has "packages" twice'],
  ["no packages", kernel("").trimEnd(), 2, 'kernel "a" has no packages'],
  ["packages as a text", kernel("packages: numpy"), 4, '"packages" of kernel "a" is not a list'],
  ["a package that is a number", kernel("packages:\n  - numpy\n  - 3"), 6, "holds something that is not a text"],
  ["an option of pip", kernel("packages: ['--index-url=x']"), 4, '"--index-url=x" in "packages"'],
  ["an address", kernel("packages: ['x @ https://example.org/x.whl']"), 4, '"x @ https://example.org/x.whl"'],
  ["a shell's words", kernel("packages: ['numpy; reboot']"), 4, '"numpy; reboot" in "packages"'],
  ["conda without channels", kernel("conda: {packages: [mantid]}"), 4, 'conda of kernel "a" has no channels'],
  ["conda without packages", kernel("conda: {channels: [mantid]}"), 4, 'conda of kernel "a" has no packages'],
  ["a channel with a comma", kernel("conda: {channels: ['a,b'], packages: [x]}"), 4, '"a,b" in "channels"'],
  [
    "a channel with credentials",
    kernel("conda: {channels: ['https://me:secret@example.org/x'], packages: [x]}"),
    4,
    "without credentials",
  ],
  ["a conda option", kernel("conda: {channels: [a], packages: ['--force']}"), 4, '"--force" in "packages"'],
])("fails for %s, and says where", (_, text, line, message) => {
  const { status, stderr } = check(text);
  expect(stderr).toContain(`${file}:${line}: `);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain("Traceback");
  expect(status).toBe(1);
});

test("fails for two kernels that cannot be told apart, and names all that is wrong at once", () => {
  const entry = (name: string, display: string) => `  - {name: ${name}, display_name: ${display}, packages: [x]}\n`;
  const { stderr } = check(`kernels:\n${entry("a", "A")}${entry("a", "B")}${entry("b", "A")}${entry("C", "C")}`);
  expect(stderr.trimEnd().split("\n")).toEqual([
    expect.stringContaining(':3: there are two kernels of the name "a"'),
    expect.stringContaining(':4: there are two kernels called "A"'),
    expect.stringContaining(':5: "C" cannot be the name of a kernel'),
  ]);
});

test("fails for a file that cannot be read", () => {
  expect(check("", join(folder, "none.yml"))).toMatchObject({
    status: 1,
    stderr: `${join(folder, "none.yml")}: No such file or directory\n`,
  });
  expect(check(Buffer.from("kernels: \xff", "latin1"))).toMatchObject({ status: 1, stderr: `${file}: is not UTF-8\n` });
});
