import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare, runExplain } from "../../lib/cli/explain-command";
import { runShow } from "../../lib/cli/show-command";
import { type ArtifactManifest, Cache } from "../../lib/runner/cache/cache";
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";
import { CHAIN, temporaryCatalog, writeFiles } from "../fixtures/temporary-catalog";

let folder: string;
let cache: Cache;
let printed: string;

beforeEach(async () => {
  folder = temporaryCatalog(CHAIN);
  cache = new Cache(mkdtempSync(join(tmpdir(), "visa-image-explain-")));
  await cache.prepare();
  printed = "";
  jest.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
  rmSync(cache.root, { recursive: true });
});

function layers(options: { colour?: string; cacheBuster?: string } = {}) {
  return specify({
    catalog: Catalog.fromDirectory(folder, { parents: [] }),
    template: "two",
    variables: options.colour ? { two: { colour: options.colour } } : undefined,
    cacheBuster: options.cacheBuster,
    environment: {},
  }).layers;
}

/** Puts artifacts into the cache as a build would, with disks of nothing. */
function pretendBuilt(made: ReturnType<typeof layers>, createdAt = "2026-11-01T12:00:00.000Z"): void {
  let parent: ArtifactManifest["parent"];
  const items = [
    { name: "base", fingerprint: made[0]?.parent as string, inputs: {} },
    ...made.map(({ name, fingerprint, inputs }) => ({ name, fingerprint, inputs })),
  ];
  for (const { name, fingerprint, inputs } of items) {
    mkdirSync(cache.folder(fingerprint), { recursive: true });
    writeFileSync(cache.disk(fingerprint), "disk");
    const manifest: ArtifactManifest = {
      version: 1,
      fingerprint,
      template: name,
      inputs,
      ...(parent && { parent }),
      disk: {
        bytes: 4,
        sha256: fingerprint,
        modified: Math.floor(statSync(cache.disk(fingerprint)).mtimeMs),
        virtualSizeGb: 10,
      },
      createdAt,
      durationSeconds: 61,
      tools: { packer: "1.6.6" },
      packageVersion: "0.1.0",
    };
    writeFileSync(join(cache.folder(fingerprint), "manifest.json"), JSON.stringify(manifest));
    parent = { fingerprint, diskSha256: fingerprint };
  }
}

async function explain(...variable: string[]) {
  printed = "";
  await runExplain(["two"], { catalog: folder, cache: cache.root, variable, json: true });
  return JSON.parse(printed)[0];
}

test("an empty cache: every layer is to be built, for want of an artifact", async () => {
  expect((await explain()).layers).toMatchObject([
    { name: "one", action: "build", reason: "the cache has no artifact of this template" },
    { name: "two", action: "build" },
  ]);
});

test("nothing changed: nothing is to be built", async () => {
  pretendBuilt(layers());
  expect((await explain()).layers.map(({ action }: { action: string }) => action)).toEqual(["cached", "cached"]);
});

test("names the variable that changed, with both values, and leaves the layer below alone", async () => {
  pretendBuilt(layers());
  expect((await explain("colour=blue")).layers).toMatchObject([
    { action: "cached" },
    { action: "build", changed: [{ name: "variable colour", before: "red", now: "blue" }] },
  ]);
  printed = "";
  await runExplain(["two"], { catalog: folder, cache: cache.root, variable: ["colour=blue"] });
  expect(printed).toMatch(
    /two {2}[0-9a-f]{12} {2}to be built: changed since the newest artifact, [0-9a-f]{12} of 2026-11-01/,
  );
  expect(printed).toContain("variable colour  red -> blue");
});

test("names the script that changed, and says what follows from it", async () => {
  pretendBuilt(layers());
  writeFiles(folder, { "one/scripts/one.sh": ["#!/bin/sh\necho uno\n", 0o755] });
  const [one, two] = (await explain()).layers;
  expect(one.changed.map(({ name }: { name: string }) => name)).toEqual(["scripts/one.sh"]);
  expect(two.changed.map(({ name }: { name: string }) => name)).toEqual(["parent"]);
});

test("compares with the newest artifact of the template", async () => {
  pretendBuilt(layers({ colour: "green" }), "2026-10-01T12:00:00.000Z");
  pretendBuilt(layers({ colour: "black" }), "2026-11-01T12:00:00.000Z");
  expect((await explain()).layers[1].changed).toEqual([{ name: "variable colour", before: "black", now: "red" }]);
});

test("a layer whose parent is gone from the cache is built again", async () => {
  const made = layers();
  pretendBuilt(made);
  rmSync(cache.folder(made[0]?.fingerprint as string), { recursive: true });
  expect((await explain()).layers).toMatchObject([
    { action: "build" },
    { action: "build", reason: '"one" below it is built' },
  ]);
});

test("a layer from Glance needs nothing below it", async () => {
  const made = layers();
  pretendBuilt(made);
  const [one, two] = made.map(({ fingerprint }) => fingerprint) as [string, string];
  const file = join(cache.folder(two), "manifest.json");
  const { parent: _, ...manifest } = JSON.parse(readFileSync(file, "utf8"));
  const source = { glance: "http://g", imageId: "id", imageName: "VISA", sha512: "5a12", properties: {} };
  writeFileSync(file, JSON.stringify({ ...manifest, source }));
  rmSync(cache.folder(one), { recursive: true });
  expect((await explain()).layers).toMatchObject([
    { action: "unneeded", reason: '"two" is whole' },
    { action: "cached", reason: "from the image id in Glance" },
  ]);
});

test("says where each variable has its value from, and never shows a secret", async () => {
  const before = { ...process.env };
  Object.assign(process.env, { unused: "from-the-shell", VISA_ROOT_PASSWORD: "Canary-1414" });
  try {
    const { variables } = await explain("colour=blue");
    expect(variables).toContainEqual({
      template: "two",
      name: "colour",
      value: "blue",
      origin: "a variable of this image (--variable, or variables in code)",
    });
    expect(variables).toContainEqual({
      template: "two",
      name: "unused",
      value: "from-the-shell",
      origin: "environment variable unused",
    });
    expect(variables).toContainEqual({
      template: "two",
      name: "root_password",
      origin: "a secret from VISA_ROOT_PASSWORD",
    });
    expect(printed).not.toContain("Canary-1414");
  } finally {
    process.env = before;
  }
});

test("compares inputs that come and go", () => {
  expect(compare({ a: "1", b: "2" }, { b: "3", c: "4" })).toEqual([
    { name: "a", before: "1", now: undefined },
    { name: "b", before: "2", now: "3" },
    { name: "c", before: undefined, now: "4" },
  ]);
});

describe("show", () => {
  const lockFile = () => join(folder, "visa-images.lock.json");

  test("shows the newest artifact of a template, with its releases", async () => {
    const made = layers();
    pretendBuilt(layers({ colour: "green" }), "2026-10-01T12:00:00.000Z");
    pretendBuilt(made);
    const { fingerprint } = made[1] as { fingerprint: string };
    const release = {
      release: fingerprint.slice(0, 12),
      fingerprint,
      template: "two",
      name: "Two",
      diskFormat: "raw",
      imageId: "11111111-2222-3333-4444-555555555555",
      sha512: "",
      sizeBytes: 4,
      registered: "2026-11-02T00:00:00Z",
    };
    writeFileSync(lockFile(), JSON.stringify({ version: 1, images: { "stack/two": [release] } }));
    await runShow("two", { cache: cache.root, lockFile: lockFile() });
    expect(printed).toContain(fingerprint);
    expect(printed).toContain("2026-11-01 12:00:00 UTC in 1 min 1 s");
    expect(printed).toContain("variable colour = red");
    expect(printed).toContain("of stack/two: image 11111111-");
    printed = "";
    await runShow(fingerprint.slice(0, 8), { cache: cache.root, lockFile: lockFile(), json: true });
    expect(JSON.parse(printed)).toMatchObject({ fingerprint, template: "two", releases: [{ image: "stack/two" }] });
  });

  test("fails for what is not there, with the nearest template", async () => {
    pretendBuilt(layers());
    await expect(runShow("tow", { cache: cache.root, lockFile: lockFile() })).rejects.toThrow(/did you mean "two"\?/);
  });
});

test("says where each setting of the build machine was said, and never shows a proxy's password", async () => {
  const before = { ...process.env };
  writeFiles(folder, { "two/environment.yml": `${CHAIN["two/environment.yml"]}machine: {cpu_model: EPYC}\n` });
  Object.assign(process.env, { VISA_BUILD_PRESET: "production", VISA_HTTP_PROXY: "http://me:Canary-1415@proxy:3128" });
  try {
    const { machine } = await explain();
    const said = machine.map((each: Record<string, unknown>) => `${each.name} ${each.value}: ${each.origin}`);
    expect(said).toEqual(
      expect.arrayContaining([
        "memoryMb 8192: the environment (production)",
        "proxy http://proxy:3128: the environment",
        "cpuModel EPYC: the template",
        "headless true: the default",
      ]),
    );
    expect(printed).not.toContain("Canary-1415");
  } finally {
    process.env = before;
  }
});

test("names what lies in a template's folder and is no input, and inputs that git does not track", async () => {
  writeFiles(folder, { "two/files/.DS_Store": "x", "two/files/new.txt": "x" });
  execFileSync("git", ["init", "-q", folder]);
  execFileSync("git", ["-C", folder, "add", "one", "two/scripts", "two/files/f.txt"]);
  expect(await explain()).toMatchObject({
    excluded: [{ template: "two", file: "files/.DS_Store", pattern: ".DS_Store" }],
    untracked: ["two/files/new.txt"],
  });
  printed = "";
  await runExplain(["two"], { catalog: folder, cache: cache.root, variable: [] });
  expect(printed).toMatch(
    /no inputs, though they lie in a template's folder:\n +two: files\/.DS_Store +by .DS_Store\n/,
  );
  expect(printed).toMatch(/inputs that git does not track:\n +two\/files\/new.txt\n/);
});

test("says which template is meant where the catalog and the package have one of a name", async () => {
  writeFiles(folder, {
    "config.yml": "templates: {visa-base: {extends: system-base}}\n",
    "visa-base/manifest.yml": "",
  });
  await runExplain(["visa-base"], { catalog: folder, cache: cache.root, variable: [] });
  expect(printed).toMatch(/^of two templates of one name:\n +visa-base +the catalog's\n/m);
});
