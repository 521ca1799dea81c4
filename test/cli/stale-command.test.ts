import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLock } from "../../lib/releases/release-lock";
import { CloudStandIn } from "../releases/cloud-stand-in";
import { digits, releaseOf, writeArtifact } from "../stale/artifacts";
import { billOf, writeMirror } from "../stale/mirror";
import { scratchFolder } from "../support/scratch";
import { runCommand } from "./run-command";

const [GENERAL, OTHER] = [digits("aaaa"), digits("bbbb")];
const OCTOBER = "Thu, 01 Oct 2026 10:00:00 UTC";
const NOVEMBER = "Sun, 01 Nov 2026 10:00:00 UTC";

/** What takes a lock, and neither gpgv nor xz. */
const bin = scratchFolder();
for (const tool of ["flock", "sh", "cat"]) symlinkSync(join("/usr/bin", tool), join(bin, tool));

/** A lock with two images, the cache that built one of them, and a mirror. */
function setUp({ both = false, environment = {} as Record<string, string> } = {}) {
  const folder = scratchFolder();
  const cache = join(folder, "cache");
  const [base, system] = [digits("0001"), digits("0002")];
  const packages = { openssl: "3.0.17-1", libssl3: "3.0.17-1", nano: "7.2-1" };
  writeArtifact(cache, base, "base", {});
  writeArtifact(cache, system, "system-base", {
    packages: { nano: "7.2-1" },
    parent: base,
    base: "bootstrap bookworm 0001",
  });
  writeArtifact(cache, GENERAL, "visa-apps", { packages: { ...packages, guacd: "1.5" }, parent: system });
  if (both) writeArtifact(cache, OTHER, "visa-base", { packages: { nano: "7.2-2" } });
  const images = { "images/general": [releaseOf(GENERAL)], "images/other": [releaseOf(OTHER, "visa-base")] };
  writeFileSync(join(folder, "visa-images.lock.json"), JSON.stringify({ version: 1, images }));
  const mirror = join(folder, "debian");
  const publish = (date: string, main: string[], security: string[]) =>
    writeMirror(mirror, {
      bookworm: { date, packages: main },
      "bookworm-security": { date, packages: security },
    });
  const run = (...args: string[]) =>
    runCommand(["stale", ...args], folder, {
      ...{ PATH: bin, VISA_IMAGE_CACHE: cache, VISA_DEBIAN_MIRROR: mirror },
      ...environment,
    });
  return { folder, cache, mirror, publish, run };
}

const OLD = ["openssl 3.0.17-1", "libssl3 3.0.17-1 openssl", "nano 7.2-1"];
const FIXED = ["openssl 3.0.18-1", "libssl3 3.0.18-1 openssl"];

test("what is out of date, in which layer, since when, and what is not known", async () => {
  const { publish, run } = setUp();
  publish(OCTOBER, OLD, []);
  await run("--fail-on", "none");
  publish(NOVEMBER, ["nano 7.2-2", ...OLD.slice(0, 2)], FIXED);
  const { status, stdout, stderr } = await run();
  expect(status).toBe(6);
  expect(stdout).toBe(`1 image of 2 without security fixes; nothing is known of 1 image

images/general (visa-apps, release aaaa00000000, registered 2026-10-02)
  to build anew: system-base, and on it visa-apps; the first layer stands on: bootstrap bookworm 0001
  openssl (libssl3, openssl) 3.0.17-1 → 3.0.18-1: security, in visa-apps, since 2026-11-01
  and 1 package newer without a security fix (--all shows them)
  not judged: 1 package in no index: guacd

images/other (visa-base, release bbbb00000000, registered 2026-10-02)
  not known: the cache has no artifact bbbb00000000: its bill is where it was built

indexes: bookworm of 2026-11-01 10:00 UTC, bookworm-security of 2026-11-01 10:00 UTC
`);
  expect(stderr).toContain("warning: the signature of bookworm was not checked");
  const all = await run("--all", "general");
  expect(all.stdout).toContain("  nano 7.2-1 → 7.2-2: in system-base, since 2026-11-01\n");
});

describe("with --servers", () => {
  const cloud = new CloudStandIn();
  beforeAll(() => cloud.start());
  afterAll(() => cloud.stop());

  test("the servers on each image that is out of date, in text and JSON", async () => {
    const { publish, run } = setUp({ both: true, environment: cloud.environment });
    publish(OCTOBER, OLD, FIXED);
    cloud.nova = { servers: { id: ["s1", "s2"] }, administrator: true };
    const { status, stdout } = await run("--servers");
    expect(status).toBe(6);
    expect(stdout).toContain("\n  servers: VISA-s1 (s1), VISA-s2 (s2)\n  openssl");
    const { images } = JSON.parse((await run("--servers", "--json")).stdout);
    expect(images[0].servers).toEqual([
      { id: "s1", name: "VISA-s1" },
      { id: "s2", name: "VISA-s2" },
    ]);
    // What is up to date is of no concern here.
    expect([images[1].state, images[1].servers]).toEqual(["current", undefined]);
    cloud.nova = { servers: {}, administrator: true };
    expect((await run("--servers")).stdout).toContain("\n  servers: none\n");
    cloud.asked.length = 0;
    await run();
    expect(cloud.asked).toEqual([]);
  });

  test("a cloud that cannot be asked is said, and what is out of date all the same", async () => {
    const { publish, run } = setUp({ environment: cloud.environment });
    publish(OCTOBER, OLD, FIXED);
    cloud.nova = undefined;
    const { status, stdout } = await run("--servers", "general");
    expect(status).toBe(6);
    expect(stdout).toContain("\n  servers: not known: Keystone's catalog has no compute service\n");
    const alone = setUp();
    alone.publish(OCTOBER, OLD, FIXED);
    expect((await alone.run("--servers", "general")).stdout).toMatch(
      /\n {2}servers: not known: .*no address of Keystone/,
    );
  });
});

test("for programs", async () => {
  const { publish, run } = setUp();
  publish(OCTOBER, OLD, FIXED);
  const { status, stdout } = await run("general", "--json", "--fail-on", "security");
  expect(status).toBe(6);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({
    version: 1,
    images: [{ image: "images/general", state: "stale", rebuilt: ["visa-apps"], compared: 4, notInIndexes: ["guacd"] }],
    indexes: [{ suite: "bookworm", checked: false }, { suite: "bookworm-security" }],
  });
  expect(report.images[0].newer[0]).toEqual({
    ...{ name: "libssl3", source: "openssl", installed: "3.0.17-1", available: "3.0.18-1", suite: "bookworm-security" },
    ...{ security: true, seen: "2026-10-01T10:00:00.000Z", exact: false, layer: "visa-apps" },
  });
});

test.each([
  ["something newer", "any", ["nano 7.2-2"], [], 6],
  ["something newer that is no fix", "security", ["nano 7.2-2"], [], 0],
  ["a fix", "security", OLD, FIXED, 6],
  ["a fix that is not asked about", "none", OLD, FIXED, 0],
  ["nothing", "any", OLD, [], 0],
])("the exit code for %s with --fail-on %s", async (_, failOn, main, security, expected) => {
  const { publish, run } = setUp({ both: true });
  publish(OCTOBER, main, security);
  expect((await run("general", "--fail-on", failOn)).status).toBe(expected);
});

test("an image of which nothing is known is no good news", async () => {
  const { publish, run } = setUp();
  publish(OCTOBER, OLD, []);
  expect((await run()).status).toBe(1);
});

test("without a network: the indexes in the cache, by --offline or with a warning", async () => {
  const { mirror, publish, run } = setUp();
  publish(OCTOBER, OLD, FIXED);
  await run("general");
  rmSync(mirror, { recursive: true });
  rmSync(`${mirror}-security`, { recursive: true });
  const offline = await run("general", "--offline");
  expect(offline.stdout).toContain("openssl (libssl3, openssl) 3.0.17-1 → 3.0.18-1");
  const fallen = await run("general");
  expect(fallen.stdout).toBe(offline.stdout);
  expect(fallen.stderr).toContain("used instead: the index of 2026-10-01 in the cache");
});

test("a bill in a file needs no lock", async () => {
  const { folder, publish, run } = setUp();
  rmSync(join(folder, "visa-images.lock.json"));
  publish(OCTOBER, OLD, []);
  writeFileSync(join(folder, "bill.json"), billOf({ nano: "7.1" }));
  const { status, stdout } = await run("bill.json", "--all");
  expect(status).toBe(6);
  expect(stdout).toContain("  nano 7.1 → 7.2-1: since 2026-10-01 or before\n");
});

test("--update writes what the rules of the last synth ask for into the lock, once", async () => {
  const { folder, publish, run } = setUp();
  publish(OCTOBER, OLD, FIXED);
  const rules = join(folder, "cdktf.out", "stacks", "images", "rebuild-when");
  mkdirSync(rules, { recursive: true });
  for (const id of ["general", "other"]) {
    const rule = { version: 1, image: `images/${id}`, rebuildWhen: { securityUpdates: true } };
    writeFileSync(
      join(rules, `${id}.json`),
      JSON.stringify({ ...rule, layers: ["system-base", "visa-apps"], base: "bootstrap" }),
    );
  }
  const { status, stdout, stderr } = await run("--update");
  expect(status).toBe(6);
  expect(stdout).toContain(`
images/general: visa-apps is built anew: openssl 3.0.17-1 → 3.0.18-1 (security)
written into visa-images.lock.json: commit it; npx cdktf diff shows the plan
`);
  expect(stderr).toContain("images/other is not asked to be built anew: the cache has no artifact bbbb");
  const file = join(folder, "visa-images.lock.json");
  expect(readLock(file).refreshes).toEqual({
    "images/general": { "visa-apps": "openssl 3.0.17-1 → 3.0.18-1 (security)" },
  });
  const { mtimeMs } = statSync(file);
  const again = await run("--update", "--json");
  expect(JSON.parse(again.stdout).refreshes).toEqual([
    { image: "images/general", layer: "visa-apps", reason: "openssl 3.0.17-1 → 3.0.18-1 (security)" },
  ]);
  expect(statSync(file).mtimeMs).toBe(mtimeMs);
});

test("fails for --update where no image has a rule", async () => {
  const { publish, run } = setUp();
  publish(OCTOBER, OLD, FIXED);
  const { status, stderr } = await run("--update");
  expect([status, stderr]).toEqual([
    2,
    expect.stringContaining('no image in "cdktf.out" says when it is to be built anew'),
  ]);
});

test("fails without a network before the first index, for an unknown image, and for a bill that is none", async () => {
  const { folder, publish, run } = setUp();
  const offline = await run("general", "--offline");
  expect([offline.status, offline.stderr]).toEqual([
    2,
    expect.stringContaining('the cache has no index of "bookworm"'),
  ]);
  expect((await run("general")).stderr).toContain("name the mirrors: --mirror");
  publish(OCTOBER, OLD, []);
  const unknown = await run("genral");
  expect([unknown.status, unknown.stderr]).toEqual([2, expect.stringContaining('has no image "genral" in use')]);
  writeFileSync(join(folder, "bill.json"), "{");
  expect((await run("bill.json")).stderr).toContain("bill.json: the bill of materials is no JSON, or is cut off");
});
