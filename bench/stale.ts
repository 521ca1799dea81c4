/** What `visa-image stale` takes: an index of Debian's size, and 100 images of 1500 packages on two shared layers. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { packageRoot } from "../lib/package-root";
import { measure, median } from "./measure";
import { mib, seconds, table } from "./table";

const RUNS = 5;
const IMAGES = 100;
const PACKAGES = 1500;
/** Binary packages of bookworm's main. */
const INDEXED = 63_000;

/** @param scratch an empty folder */
export async function stale(scratch: string): Promise<string> {
  mkdirSync(scratch, { recursive: true });
  writeMirror(join(scratch, "debian"));
  writeImages(scratch);
  // Nobody signed this mirror: without gpgv nothing is checked.
  const command = [
    "env",
    "PATH=/nowhere",
    process.execPath,
    join(packageRoot(), "dist/lib/cli/main.js"),
    "stale",
    "--json",
    "--fail-on",
    "none",
  ];
  const env = { ...process.env, VISA_IMAGE_CACHE: join(scratch, "cache"), VISA_DEBIAN_MIRROR: join(scratch, "debian") };
  const run = (name: string, words: readonly string[]) => measure(words, { cwd: scratch, env, name, folder: scratch });
  const first = await run("first", command);
  const later = [];
  for (let n = 0; n < RUNS; n++) later.push(await run(`later-${n}`, [...command, "--offline"]));
  return table(
    [`9. visa-image stale, ${IMAGES} images of ${PACKAGES} packages`, "time", "processor", "memory"],
    [
      [
        "the first time: indexes read, checked and kept",
        seconds(first.seconds),
        seconds(first.cpuSeconds),
        mib(first.maxResidentBytes),
      ],
      [
        `the indexes being there (median of ${RUNS})`,
        seconds(median(later.map((each) => each.seconds))),
        seconds(median(later.map((each) => each.cpuSeconds))),
        mib(Math.max(...later.map((each) => each.maxResidentBytes))),
      ],
    ],
  );
}

function writeMirror(mirror: string): void {
  for (const [suite, count, revision] of [
    ["bookworm", INDEXED, 1],
    ["bookworm-security", 60, 2],
  ] as const) {
    const root = join(suite.endsWith("security") ? `${mirror}-security` : mirror, "dists", suite);
    const packed = gzipSync(Array.from({ length: count }, (_, n) => stanza(n, revision)).join("\n"));
    const sha256 = digest(packed);
    const release = `Codename: ${suite}\nDate: Sun, 01 Nov 2026 10:00:00 UTC\nSHA256:\n ${sha256} ${packed.length} main/binary-amd64/Packages.gz\n`;
    const begin = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n";
    const end = "-----BEGIN PGP SIGNATURE-----\n\nnone\n-----END PGP SIGNATURE-----\n";
    write(join(root, "InRelease"), begin + release + end);
    write(join(root, "main/binary-amd64/Packages.gz"), packed);
  }
}

/** With as many words as Debian's have on average. */
function stanza(n: number, revision: number): string {
  return `Package: package-${n}\nVersion: 1.${n % 97}-${revision}\nSource: source-${n % 30_000}\nArchitecture: amd64\nDepends: ${"libsomething (>= 1.0), ".repeat(12)}\nFilename: pool/main/p/package-${n}.deb\nDescription: ${"words ".repeat(40)}\n`;
}

function writeImages(folder: string): void {
  const images: Record<string, object[]> = {};
  const shared = ["system-base", "visa-base"].map((template, n) => {
    const parent = n > 0 ? digest("system-base") : undefined;
    return writeArtifact(folder, digest(template), template, PACKAGES / 3 + n * 400, parent);
  });
  for (let n = 0; n < IMAGES; n++) {
    const fingerprint = writeArtifact(folder, digest(`apps ${n}`), "visa-apps", PACKAGES, shared[1]);
    const release = { release: fingerprint.slice(0, 12), fingerprint, template: "visa-apps", name: `image ${n}` };
    const rest = { diskFormat: "raw", imageId: "-", sha512: "-", sizeBytes: 1, registered: "2026-10-01T00:00:00Z" };
    images[`images/image-${n}`] = [{ ...release, ...rest }];
  }
  write(join(folder, "visa-images.lock.json"), JSON.stringify({ version: 1, images }));
}

function writeArtifact(root: string, fingerprint: string, template: string, count: number, parent?: string): string {
  const components = Array.from({ length: count }, (_, n) => {
    const [name, version] = [`package-${n * 3}`, `1.${(n * 3) % 97}-1`];
    return { type: "library", name, version, purl: `pkg:deb/debian/${name}@${version}?arch=amd64&distro=debian-12` };
  });
  const bill = JSON.stringify(
    { bomFormat: "CycloneDX", metadata: { component: { name: template } }, components },
    null,
    2,
  );
  const manifest = {
    ...{ version: 1, fingerprint, template, inputs: parent ? {} : { base: "bootstrap bookworm" } },
    ...{ disk: { bytes: 1, sha256: "-" }, sbom: { sha256: digest(bill), packages: count } },
    ...(parent && { parent: { fingerprint: parent, diskSha256: "-" } }),
  };
  const folder = join(root, "cache", "artifacts", fingerprint);
  write(join(folder, "manifest.json"), JSON.stringify(manifest));
  write(join(folder, "sbom.cdx.json"), bill);
  return fingerprint;
}

function write(file: string, content: string | Buffer): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function digest(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
