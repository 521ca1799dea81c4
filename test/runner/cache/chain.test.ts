import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Cache } from "../../../lib/runner/cache/cache";
import { chainOf } from "../../../lib/runner/cache/chain";
import { scratchFolder } from "../../support/scratch";

const [LOWER, UPPER] = ["cd".repeat(32), "ab".repeat(32)];
const cache = new Cache(scratchFolder());

function publish(fingerprint: string, parent?: string): void {
  mkdirSync(cache.folder(fingerprint), { recursive: true });
  const manifest = {
    ...{ version: 1, fingerprint, template: "t", inputs: {}, tools: {}, packageVersion: "0", durationSeconds: 1 },
    ...{ createdAt: "2026-11-28T00:00:00Z", disk: { bytes: 4, sha256: "", modified: 0, virtualSizeGb: 1 } },
    ...(parent && { parent: { fingerprint: parent, diskSha256: "" } }),
  };
  writeFileSync(join(cache.folder(fingerprint), "manifest.json"), JSON.stringify(manifest));
}

const chain = async (fingerprint?: string) => (await chainOf(cache, fingerprint)).map((each) => each.fingerprint);

test("itself first, as far as the cache has them", async () => {
  publish(UPPER, LOWER);
  expect(await chain(UPPER)).toEqual([UPPER]);
  publish(LOWER);
  expect(await chain(UPPER)).toEqual([UPPER, LOWER]);
  expect(await chain(undefined)).toEqual([]);
});

test("fails where they stand on one another in a circle", async () => {
  publish(LOWER, UPPER);
  await expect(chain(UPPER)).rejects.toThrow("in a circle: abababababab, on cdcdcdcdcdcd, on abababababab");
  publish(LOWER, LOWER);
  await expect(chain(UPPER)).rejects.toThrow("in a circle: abababababab, on cdcdcdcdcdcd, on cdcdcdcdcdcd");
});
