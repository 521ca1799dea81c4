import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { artifacts, bases, media } from "../../lib/bundle/layers";
import { sha256 } from "../../lib/fingerprint/digest";
import { Cache } from "../../lib/runner/cache/cache";
import type { Base, BuildSpecification } from "../../lib/specification";
import { specificationOf } from "../constructs/support";
import { scratchFolder } from "../support/scratch";
import { diskOf, manifestOf } from "./support";

const scratch = scratchFolder();
let cache: Cache;
beforeEach(async () => {
  cache = new Cache(mkdtempSync(join(scratch, "cache-")));
  await cache.prepare();
});

/** Three layers by one letter of their fingerprints, the first of them a base. */
const specification = {
  version: 1,
  layers: [
    { name: "lower", fingerprint: "b".repeat(64), parent: "a".repeat(64) },
    { name: "upper", fingerprint: "c".repeat(64), parent: "b".repeat(64) },
  ],
} as unknown as BuildSpecification;
const specified = [{ specification, folder: scratch }];

async function publish(name: string, letter: string, below?: string): Promise<void> {
  const staging = mkdtempSync(join(cache.scratch, "build-"));
  writeFileSync(join(staging, "disk.qcow2"), diskOf(name));
  writeFileSync(join(staging, "disk.raw"), "flattened");
  await cache.publish(staging, manifestOf(name, letter, below));
}

describe("artifacts", () => {
  test("are disks and manifests of a whole chain, each once", async () => {
    await publish("base", "a");
    await publish("lower", "b", "a");
    await publish("upper", "c", "b");
    const files = await artifacts([...specified, ...specified], cache);
    expect(files.map(({ path }) => path.replace(/(.)\1{63}/, "$1"))).toEqual(
      ["a", "b", "c"].flatMap((letter) => [`artifacts/${letter}/disk.qcow2`, `artifacts/${letter}/manifest.json`]),
    );
    expect(files[0]).toMatchObject({ bytes: diskOf("base").length, sha256: sha256(diskOf("base")) });
  });

  test("fails where one is missing, and says what to do", async () => {
    await publish("base", "a");
    await expect(artifacts(specified, cache)).rejects.toThrow(
      /lacks "lower" bbbbbbbbbbbb\n {2}fix: build first: npx cdktf deploy.*--no-layers/,
    );
  });

  test("fails where one is damaged, of the same size and with any time", async () => {
    await publish("base", "a");
    const { writeFile, chmod } = await import("node:fs/promises");
    await chmod(cache.disk("a".repeat(64)), 0o600);
    await writeFile(cache.disk("a".repeat(64)), diskOf("BASE"));
    await expect(artifacts(specified, cache)).rejects.toThrow("which is damaged: the checksum of its disk");
  });
});

describe("bases", () => {
  const warnings: string[] = [];
  const warn = (line: string) => void warnings.push(line);
  const [first, ...more] = specification.layers;
  const layers = [{ ...first, base: { kind: "bootstrap" } }, ...more] as BuildSpecification["layers"];
  const bootstrapped = [{ specification: { ...specification, layers }, folder: scratch }];

  test("go in without the layers on them", async () => {
    await publish("base", "a");
    await publish("lower", "b", "a");
    const files = await bases([...bootstrapped, ...bootstrapped], cache, { warn });
    const base = `artifacts/${"a".repeat(64)}`;
    expect(files.map(({ path }) => path)).toEqual([`${base}/disk.qcow2`, `${base}/manifest.json`]);
    expect(warnings).toEqual([]);
  });

  test("that are missing are told: they take a mirror", async () => {
    expect(await bases(bootstrapped, cache, { warn })).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('the base of "lower" is not in the cache')]);
  });
});

describe("media", () => {
  const warnings: string[] = [];
  const wishes = {
    project: join(scratch, "project"),
    signal: new AbortController().signal,
    say: () => {},
    warn: (line: string) => void warnings.push(line),
  };
  const withBase = (base: Base) => {
    const [first, ...more] = specificationOf({ name: "lower" }).layers;
    return [
      { specification: { version: 1, layers: [{ ...first, base }, ...more] } as BuildSpecification, folder: scratch },
    ];
  };

  test("are downloaded by their checksums", async () => {
    const server = createServer((_, response) => response.end("a cloud image"));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.qcow2`;
    const checksum = `sha256:${sha256("a cloud image")}`;
    try {
      const [file, ...more] = await media(
        withBase({ kind: "cloud-image", url, checksum, format: "qcow2" }),
        cache,
        wishes,
      );
      expect(more).toEqual([]);
      expect(file?.path).toBe(`media/sha256-${sha256("a cloud image")}`);
      expect(readFileSync(file?.source ?? "", "utf8")).toBe("a cloud image");
    } finally {
      server.close();
    }
  });

  test("of this machine alone are told, those of the project are in its copy", async () => {
    mkdirSync(wishes.project, { recursive: true });
    const base = (path: string): Base => ({
      kind: "file",
      path,
      checksum: `sha256:${"0".repeat(64)}`,
      format: "qcow2",
    });
    expect(await media(withBase(base("project/own.qcow2")), cache, wishes)).toEqual([]);
    expect(warnings).toEqual([]);
    expect(await media(withBase(base("elsewhere.qcow2")), cache, wishes)).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(`"${join(scratch, "elsewhere.qcow2")}" is not in the archive`)]);
  });
});
