/**
 * Good trees made bad in bulk: by type, key, path, encoding, size and YAML's tricks. Each gives a specification or one
 * clear error with file and line, in less than a second.
 */
import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { VisaImageError } from "../../lib/errors";
import { problemsOf } from "../../lib/problems";
import { type Files, specifyChain, temporaryCatalog, writeFiles } from "../fixtures/temporary-catalog";

jest.setTimeout(120_000);

/** The same changes in every run; VISA_TEST_SEED tries others. */
const RUNS = { numRuns: 100, seed: Number(process.env.VISA_TEST_SEED ?? 5) };
const TREE: Files = {
  "config.yml": "x-note: {}\ntemplates:\n  one: {}\n  two:\n    extends: one\n    packages: [editor]\n",
  "one/environment.yml":
    "environment:\n  memory: 2048\n  greeting: hello\nsecrets:\n  root_password:\n    required: false\n    environment: VISA_ROOT_PASSWORD\n",
  "one/manifest.yml": `packer:
  description: A base
  variables: {shutdown: now}
  base:
    file: {path: base.qcow2, checksum: "sha256:${"b".repeat(64)}", format: qcow2}
  builders:
    - name: qemu
      type: qemu
      memory: "{{ memory }}"
      cpus: 2
      disk_size: 10000
      headless: true
      boot_command: none
      ssh_handshake_attempts: 100
      qemuargs: [["-m", "{{ memory }}"], ["-cpu", max]]
  provisioners:
    - type: shell
      script: scripts/one.sh
      environment_vars: ["GREETING={{ greeting }}"]
      pause_before: 1s
    - type: file
      source: files/
      destination: /opt
    - type: shell
      inline: ["{% if greeting %}echo {{ greeting }}{% endif %}", "echo {{ root_password }}"]
      only: [qemu]
`,
  "one/scripts/one.sh": "#!/bin/sh\n",
  "one/files/f.txt": "f\n",
  "two/environment.yml": "environment: {colour: red}\n",
  "two/manifest.yml": "packer:\n  provisioners:\n    - {type: ansible-local, playbook_file: play.yml}\n",
  "two/play.yml": "- hosts: all\n",
  "packages/editor/manifest.yml": "provisioners:\n  - {type: shell, inline: ['echo {{ colour }}']}\n",
};
const NAMES = Object.keys(TREE).filter((name) => name.endsWith(".yml") && !name.endsWith("play.yml"));
const folder = temporaryCatalog(TREE);

let results = 0;
let errors = 0;

/** Specifies the tree: what is thrown has its place, and no input takes for ever: a tenth of a second is usual. */
function attempt(): string | undefined {
  const start = process.cpuUsage();
  let thrown: unknown;
  try {
    specifyChain(folder);
    results++;
  } catch (error) {
    errors++;
    thrown = error;
  }
  const { user } = process.cpuUsage(start);
  expect(user / 1_000_000).toBeLessThan(20);
  if (thrown === undefined) return undefined;
  if (!(thrown instanceof VisaImageError)) throw thrown;
  expect(thrown.exitCode).toBe(2);
  for (const problem of problemsOf(thrown)) expectClear(problem);
  return thrown.message;
}

/** One thing that is wrong: with its place, and short. */
function expectClear(thrown: VisaImageError): void {
  expect(thrown.location?.file).toMatch(/\.yml$/);
  // A file that is missing, or that cannot be read at all, has no lines.
  if (!/cannot read|there is no template|has a config\.yml/.test(thrown.message)) {
    expect({ message: thrown.message, line: thrown.location?.line }).toMatchObject({ line: expect.any(Number) });
    const lines = readFileSync(thrown.location?.file as string)
      .toString("latin1")
      .split(/\n|\r/).length;
    expect(thrown.location?.line).toBeLessThanOrEqual(lines);
  }
  expect(thrown.exitCode).toBe(2);
  expect(thrown.message.split("\n").length).toBeLessThanOrEqual(3);
  expect(thrown.message.length).toBeLessThan(2000);
  expect(thrown.message).not.toMatch(/undefined \(reading|is not a function|\[object| {4}at /);
}

/** Puts a file into the tree, tries it, and puts the good one back. */
function tryWith(name: string, content: string | Buffer): string | undefined {
  writeFileSync(join(folder, name), content);
  try {
    return attempt();
  } finally {
    writeFiles(folder, { [name]: TREE[name] as string });
  }
}

type Path = (string | number)[];

function paths(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, own]) => paths(own, [...path, Array.isArray(value) ? Number(key) : key])),
  ];
}

/** Changes what stands at a path of a tree of values. */
function change(
  root: unknown,
  [step, ...rest]: Path,
  edit: (parent: Record<string, unknown>, key: string) => void,
): unknown {
  const copy = structuredClone(root);
  let parent = copy as Record<string, unknown>;
  let key = String(step);
  for (const next of rest) {
    parent = parent[key] as Record<string, unknown>;
    key = String(next);
  }
  edit(parent, key);
  return copy;
}

const ODD: unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1e21,
  "",
  " ",
  "none",
  "{{",
  "{% if",
  "{{ missing }}",
  "{{ greeting.__class__ }}",
  "{{ root_password | upper }}",
  "{% for i in range(9999999) %}{% endfor %}",
  "../../etc/passwd",
  "/etc/passwd",
  "a\u0000b",
  "\uE000x\uE001",
  "\uD800",
  '${file("/etc/passwd")}',
  "x".repeat(100_000),
  [],
  [null],
  [[["deep"]]],
  {},
  { type: "shell" },
  { "": "" },
  { constructor: 1 },
  Array.from({ length: 5000 }, (_, i) => i),
];

test.each(NAMES)("another value of any type anywhere in %s", (name) => {
  const good = parse(TREE[name] as string) as unknown;
  const everywhere = paths(good).filter((path) => path.length > 0);
  fc.assert(
    fc.property(fc.constantFrom(...everywhere), fc.constantFrom(...ODD), (path, value) => {
      tryWith(
        name,
        stringify(
          change(good, path, (parent, key) => {
            parent[key] = value;
          }),
        ),
      );
    }),
    RUNS,
  );
});

test.each(NAMES)("keys of %s that are misspelled, gone, or there twice", (name) => {
  const good = parse(TREE[name] as string) as unknown;
  const keys = paths(good).filter((path) => typeof path.at(-1) === "string");
  const edits: Record<string, (parent: Record<string, unknown>, key: string) => void> = {
    gone: (parent, key) => delete parent[key],
    doubled: (parent, key) => {
      parent[`${key}${key.at(-1)}`] = parent[key];
      delete parent[key];
    },
    odd: (parent, key) => {
      parent["__proto__ x"] = parent[key];
    },
    number: (parent, key) => {
      parent["0"] = parent[key];
    },
    long: (parent, key) => {
      parent["k".repeat(2000)] = parent[key];
    },
  };
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.constantFrom(...Object.keys(edits)), (path, edit) => {
      tryWith(
        name,
        stringify(change(good, path, edits[edit] as (parent: Record<string, unknown>, key: string) => void)),
      );
    }),
    RUNS,
  );
  // Each line once more: a key that stands twice, or a list with one item more.
  const lines = (TREE[name] as string).trimEnd().split("\n");
  lines.forEach((line, i) => {
    tryWith(name, [...lines.slice(0, i), line, ...lines.slice(i)].join("\n"));
  });
});

test.each(NAMES)("%s in other encodings, and as bytes that are no text", (name) => {
  const text = TREE[name] as string;
  const utf16 = Buffer.from(`\uFEFF${text}`, "utf16le");
  const good = [text.replaceAll("\n", "\r\n"), `\uFEFF${text}`, `%YAML 1.2\n---\n${text}`, `${text}...\n`];
  for (const content of good) expect(tryWith(name, content)).toBeUndefined();
  const bad = [utf16, Buffer.from(utf16).swap16(), Buffer.alloc(1000), `---\n${text}---\n${text}`];
  for (const content of bad) expect(tryWith(name, content)).toBeDefined();
  const bytes = Buffer.from(text);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, noise) => {
      tryWith(name, Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + noise.length)]));
    }),
    RUNS,
  );
});

describe("sizes and YAML's tricks", () => {
  const laughs = (depth: number) =>
    Array.from(
      { length: depth },
      (_, i) =>
        `x-${i}: &a${i} [${
          i === 0
            ? "lol"
            : Array(10)
                .fill(`*a${i - 1}`)
                .join(", ")
        }]\n`,
    ).join("");
  const tricks: [string, string, boolean][] = [
    ["an anchor and its alias", "x-a: &a [one]\nx-b: *a\n", true],
    ["a merge key", "x-a: &a {k: v}\nx-b: {<<: *a, other: 1}\n", true],
    ["a merge key of a list of maps", "x-a: &a {k: v}\nx-b: {<<: [*a, *a]}\n", true],
    ["a merge key of no map", "x-b: {<<: text}\n", false],
    ["an alias of nothing", "x-b: *nothing\n", false],
    ["an alias of itself", "x-a: &a [*a]\n", false],
    ["a merge of itself", "x-a: &a {<<: *a}\n", false],
    ["a billion laughs", laughs(10), false],
    ["more laughs", laughs(40), false],
    ["the same key twice", "x-a: 1\nx-a: 2\n", false],
    ["a key of another type twice", "x-a: {1: a, 1: b}\n", false],
    ["a map as a key", "? {a: b}\n: c\n", false],
    ["a tag of Python", "x-a: !!python/object/apply:os.system [id]\n", false],
    ["a tag of one's own", "x-a: !vault secret\n", false],
    ["binary", "x-a: !!binary aGVsbG8=\n", true],
    ["a set", "x-a: !!set {a, b}\n", true],
    ["tabs", "x-a:\n\t- b\n", false],
    ["a directive of another version", "%YAML 9.9\n---\nx-a: 1\n", false],
    ["deep flow nesting", `x-a: ${"[".repeat(3000)}${"]".repeat(3000)}\n`, false],
    [
      "deep block nesting",
      `x-a:\n${Array.from({ length: 500 }, (_, i) => `${" ".repeat(i + 1)}a:\n`).join("")}`,
      false,
    ],
    ["nesting that was never closed", `x-a: ${"[".repeat(20_000)}\n`, false],
    ["a megabyte of text", `x-a: ${"x".repeat(1 << 20)}\n`, true],
    ["ten thousand keys", Array.from({ length: 10_000 }, (_, i) => `x-${i}: ${i}\n`).join(""), true],
    ["a number beyond all", "x-a: 1e999999\n", true],
    ["a quote that is never closed", 'x-a: "open\n', false],
    ["a block of text that never ends", `x-a: |\n${"  text\n".repeat(20_000)}`, true],
  ];

  test.each(tricks)("%s", (_, text, good) => {
    for (const name of ["config.yml", "one/manifest.yml", "one/environment.yml"]) {
      const message = tryWith(name, text.startsWith("%") ? text : `${text}${TREE[name]}`);
      expect({ name, good: message === undefined, message }).toMatchObject({ name, good });
    }
  });
});

test("files and folders that are something else", () => {
  const swap = (name: string, make: (path: string) => void) => {
    const path = join(folder, name);
    rmSync(path, { recursive: true });
    try {
      make(path);
      return attempt();
    } finally {
      rmSync(path, { recursive: true, force: true });
      writeFiles(folder, TREE);
    }
  };
  for (const name of NAMES) {
    expect(swap(name, (path) => symlinkSync(path, path))).toMatch(/cannot read|has a config\.yml/);
    expect(swap(name, (path) => writeFiles(path, { inside: "" }))).toMatch(/cannot read/);
  }
  for (const [target, message] of [
    ["/etc/passwd", /is outside of/],
    ["..", /is a folder|leads back|outside/],
    ["nowhere", /there is no script/],
    ["/dev/zero", /is outside of/],
  ] as const) {
    expect(swap("one/scripts/one.sh", (path) => symlinkSync(target, path))).toMatch(message);
  }
});

test("there were good ones and bad ones among all these", () => {
  expect(results).toBeGreaterThan(100);
  expect(errors).toBeGreaterThan(100);
});
