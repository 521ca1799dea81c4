import { execFileSync } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { withKnownHere } from "../../lib/review/known-here";
import type { LayerReview } from "../../lib/review/model";
import { type ArtifactManifest, Cache } from "../../lib/runner/cache/cache";
import { scratchFolder } from "../support/scratch";
import { reviewOf } from "./support";

const review = reviewOf("release");
const [layer] = review.layers as [LayerReview];
const folder = scratchFolder();
const cache = new Cache(join(folder, "cache"));
const here = { output: join(folder, "cdktf.out"), cache: cache.root };

function put(file: string, content: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), content);
}

/** What synth stages, as far as a review reads it. */
function stage(fingerprint: string): void {
  const sha256 = `3fa1c0ffee00${"0".repeat(52)}`;
  const file = { path: "files/visa-apps/scripts/jupyter.sh", source: "../../../../my/jupyter.sh", mode: 0o755, sha256 };
  const layers = [{ name: "visa-apps", fingerprint, files: [file, { ...file, path: "other" }] }];
  put(
    `cdktf.out/stacks/desktops/specifications/visa-apps-${layer.fingerprint.slice(0, 12)}.json`,
    JSON.stringify({ version: 1, layers }),
  );
}

async function publish(fingerprint: string, template: string, durationSeconds: number): Promise<void> {
  await cache.prepare();
  const staging = join(cache.root, "staging");
  mkdirSync(staging);
  writeFileSync(join(staging, "disk.qcow2"), "disk");
  await cache.publish(staging, {
    ...{ version: 1, fingerprint, template, inputs: {}, createdAt: "2026-11-20T08:00:00.000Z", durationSeconds },
    disk: { bytes: 4, sha256: "", modified: 0, virtualSizeGb: 1 },
    ...{ tools: {}, packageVersion: "0" },
  } satisfies ArtifactManifest);
}

const changedFile = async () => (await withKnownHere(review, here)).layers[0]?.changed[0]?.files?.[0];

test("where nothing is known the review is as it was", async () => {
  expect(await withKnownHere(review, here)).toEqual(review);
});

test("the file behind an input, with what Git says of it", async () => {
  put("my/jupyter.sh", "one");
  stage(layer.fingerprint);
  expect(await changedFile()).toMatchObject({
    path: expect.stringMatching(/my\/jupyter\.sh$/),
    git: { state: "outside" },
  });
  const git = (...args: string[]) => execFileSync("git", ["-C", folder, ...args], { stdio: "ignore" });
  git("init");
  expect(await changedFile()).toMatchObject({ git: { state: "untracked" } });
  git("add", "my");
  git("-c", "user.name=Ada", "-c", "user.email=a@b", "commit", "-m", "Jupyter 4.2");
  expect(await changedFile()).toMatchObject({
    git: { state: "committed", commit: { author: "Ada", subject: "Jupyter 4.2" } },
  });
});

test("a staged specification of other inputs is not asked", async () => {
  stage("f".repeat(64));
  expect(await changedFile()).toBeUndefined();
});

test("how long the last build took: that of the layer in use, or the newest of its template", async () => {
  await publish("1".repeat(64), "visa-apps", 100);
  const last = async () => (await withKnownHere(review, here)).layers[0]?.lastBuild;
  expect(await last()).toEqual({ seconds: 100, at: "2026-11-20T08:00:00.000Z" });
  await publish(layer.fingerprintBefore as string, "visa-apps", 453);
  expect(await last()).toMatchObject({ seconds: 453 });
});

test("what the cache has already is not built, and its disk is what is uploaded", async () => {
  await publish(layer.fingerprint, "visa-apps", 500);
  put(`cache/artifacts/${layer.fingerprint}/disk.raw`, "12345");
  const flat = {
    version: 2,
    format: "raw",
    bytes: 5,
    modified: Math.floor(statSync(cache.flat(layer.fingerprint, "raw")).mtimeMs),
    digest: "",
    virtualSizeBytes: 5,
    sourceSha256: "",
  };
  put(`cache/artifacts/${layer.fingerprint}/disk.raw.json`, JSON.stringify(flat));
  const { layers, images } = await withKnownHere(review, here);
  expect(layers).toMatchObject([{ cached: true }]);
  expect(images[0]?.upload).toMatchObject({ bytes: 5, bytesBefore: 2577940480 });
});
