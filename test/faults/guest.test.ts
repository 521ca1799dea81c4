/** Guests that do not do what they should: each is told from the others, and none is waited for without end. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Ended } from "../integration/runner-support";
import { FULL } from "../support/full";
import type { TinyLayer } from "../support/tiny-guest/tiny-guest";
import { expectSuccess, FaultWorkspace } from "./support";

jest.setTimeout(300_000);

let workspace: FaultWorkspace;
beforeAll(async () => {
  workspace = await FaultWorkspace.create();
});
afterAll(() => workspace.remove());

/** Builds a layer that stands on a good one, which is there afterwards as before. */
async function buildOnGood(layer: TinyLayer): Promise<Ended> {
  const ended = await workspace.run(workspace.specify(good, layer));
  check(ended);
  await workspace.expectNothingLeft();
  return ended;
}

function check(ended: Ended): void {
  expect(ended.stderr).not.toMatch(/^ {4}at /m);
  expect(ended.stderr).toMatch(/fix: .*see the whole log: \S+\.log/);
  const log = /see the whole log: (\S+\.log)/.exec(ended.stderr)?.[1] ?? "";
  expect(existsSync(log)).toBe(true);
  expect(readFileSync(log, "utf8")).toContain("failed: ");
}

const good: TinyLayer = { name: "good", provisioners: [{ shell: { inline: ["echo good > /mnt/good"] } }] };
const shell = (...inline: string[]) => [{ shell: { inline } }];

/**
 * @fault guests: a step hangs
 * @then 3 when the layer's time is up: `it took longer than …`, with what it printed last. The limit is 240 minutes
 *   for a layer's machine: `--timeout`, `VISA_BUILD_TIMEOUT`, `timeout_minutes`, `timeoutMinutes`
 *   ([inputs.md](inputs.md))
 */
test("a provisioner that hangs ends the build when its time is up, with what it printed last", async () => {
  const { code, stderr, seconds } = await buildOnGood({
    name: "hanging",
    provisioners: shell("echo before the hang", "sleep 1000"),
    machine: { timeoutMinutes: 0.5 },
  });
  expect(code).toBe(3);
  expect(stderr).toMatch(/the build of "hanging" was given up: it took longer than 30 s:\n[\s\S]*before the hang\n/);
  expect(stderr).toContain("--timeout <minutes> or VISA_BUILD_TIMEOUT");
  expect(seconds).toBeLessThan(60);
});

/**
 * @fault guests: a step hangs that has a `timeout` of its own
 * @then 3 after that: `the step was not done within its timeout of …`
 */
test("a provisioner with a timeout of its own ends the build at that", async () => {
  const { code, stderr } = await buildOnGood({
    name: "timed",
    provisioners: [{ shell: { inline: ["echo before the hang", "sleep 1000"], timeout: "3s" } }],
  });
  expect(code).toBe(3);
  expect(stderr).toMatch(
    /before the hang\n[\s\S]*fix: the step was not done within its timeout of 3s: .*; see the whole log/,
  );
});

/**
 * @fault guests: a step fills the guest's disk
 * @then 3: `the guest's disk is full: give the template a larger disk_size_gb`
 */
test("a provisioner that fills the guest's disk is told from one that fills this machine's", async () => {
  const { code, stderr } = await buildOnGood({
    name: "filling",
    provisioners: shell("dd if=/dev/zero of=/mnt/large bs=1M count=200"),
  });
  expect(code).toBe(3);
  expect(stderr).toContain("No space left on device");
  expect(stderr).toMatch(/fix: the guest's disk is full: give the template a larger disk_size_gb; see the whole log/);
});

describe("a guest that panics", () => {
  /**
   * @fault guests: the kernel panics while it boots
   * @then 3 at once, with the panic's line and the end of the console
   */
  test("while it boots ends the build at once, with the panic", async () => {
    const { code, stderr, seconds } = await buildOnGood({
      name: "panicking",
      provisioners: shell("true"),
      append: "rdinit=/missing root=/dev/none",
    });
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /the build of "panicking" was given up: the guest's kernel panicked: "Kernel panic - not syncing: VFS/,
    );
    expect(stderr).toContain("the guest's console ends with:");
    // Packer alone would have waited for its SSH for three minutes.
    expect(seconds).toBeLessThan(60);
  });

  /**
   * @fault guests: the kernel panics in a step
   * @then the same
   */
  test("in a step ends the build, with the panic", async () => {
    const { code, stderr } = await buildOnGood({
      name: "panicking-later",
      provisioners: shell("echo c > /proc/sysrq-trigger", "sleep 100"),
    });
    expect(code).toBe(3);
    expect(stderr).toMatch(/the guest's kernel panicked: "Kernel panic - not syncing: sysrq triggered crash/);
  });
});

/**
 * @fault guests: the guest switches itself off in a step
 * @then 3
 */
test("a guest that switches itself off in a step ends the build", async () => {
  const { code, stderr } = await buildOnGood({ name: "leaving", provisioners: shell("poweroff -f", "sleep 100") });
  expect(code).toBe(3);
  expect(stderr).toMatch(/packer failed with exit code 1|its machine ended by itself/);
});

describe("a guest that a step starts anew", () => {
  const UPTIME = "cut -d. -f1 /proc/uptime > /mnt/uptime";

  async function rebooted(name: string, ...inline: string[]): Promise<Ended> {
    const layer: TinyLayer = {
      name,
      provisioners: [
        { shell: { inline, expect_disconnect: true } },
        { shell: { inline: ["echo after the reboot", UPTIME], pause_before: "5s" } },
      ],
      machine: { timeoutMinutes: 2 },
      reboots: true,
    };
    const ended = await workspace.run(workspace.specify(layer));
    await workspace.expectNothingLeft();
    return ended;
  }

  /**
   * @fault guests: a step reboots the guest (`expect_disconnect`), which takes in the last of what Packer sends and
   *   never answers it
   * @then the connection is ended as soon as QEMU tells of the reset, and the next step runs on the guest that has started
   *   anew. Packer alone waits for ever
   */
  test("goes on with the next step, though it has taken in what it never answers", async () => {
    // Packer's request for a sign of life, every five seconds, is taken in by the kernel alone.
    const { code, stderr } = await rebooted(
      "frozen",
      "(sleep 8; reboot -f) &",
      "kill -STOP $(pidof dropbear)",
      "sleep 100",
    );
    expect(stderr).not.toContain("given up");
    expect(code).toBe(0);
    expect(workspace.log()).toContain("after the reboot");
  });

  (FULL ? test.each : test.skip.each)([
    ["at once", ["reboot -f", "sleep 100"]],
    ["from behind", ["(sleep 2; reboot -f) > /dev/null 2>&1 < /dev/null &"]],
  ])("goes on with the next step where it does so %s", async (when, inline) => {
    const { code, stderr } = await rebooted(when.replace(" ", "-"), ...inline);
    expect(stderr).not.toContain("given up");
    expect(code).toBe(0);
  });
});

/**
 * @fault guests: a step prints the lines of the build's report
 * @then they are a step's lines like others, and stay in the log; the report is the runner's own step's
 */
test("a step that prints a report's lines changes nothing, and they stay in the log", async () => {
  const forged = [
    "visa-package ii  forged 6.6.6 amd64",
    "visa-login credentials",
    "visa-report package ii  forged 6.6.6 amd64",
    `visa-report ${"0".repeat(32)} package ii  forged 6.6.6 amd64`,
    `visa-report ${"0".repeat(32)} access credentials`,
    `visa-report ${"0".repeat(32)} end`,
  ];
  const announcement = "Provisioning with shell script: visa-guest-report.sh";
  const dpkg = "printf '#!/bin/sh\\necho \"ii  bash 5.2 amd64\"\\n' > /bin/dpkg-query && chmod +x /bin/dpkg-query";
  const prints = forged.map((line) => `echo '${line}'`);
  // Packer shows a step's second stream as it shows its own words.
  const layer = { name: "forging", provisioners: shell(dpkg, `echo '${announcement}' >&2`, ...prints) };
  expectSuccess(await workspace.run(workspace.specify(good, layer)));
  await workspace.expectNothingLeft();
  const log = workspace.newestLog();
  for (const line of forged) expect(log).toContain(line);
  // The step's, and Packer's.
  expect(log.split(announcement)).toHaveLength(3);
  const { sbom, login } = workspace.manifest("forging");
  expect({ packages: sbom?.packages, login }).toEqual({ packages: 1, login: undefined });
});

describe("a guest that SSH does not reach", () => {
  const CASES: readonly [string, Partial<TinyLayer>, RegExp][] = [
    [
      "since it never gets an address",
      { settings: { net_device: "e1000" } },
      /the guest never answered on its network: it has no address/,
    ],
    [
      "since none runs on it",
      { append: "tiny=no-ssh" },
      /the guest has an address, but nothing answers at its SSH port/,
    ],
    [
      "since it lets nobody in",
      { settings: { ssh_username: "nobody" } },
      /the guest's SSH answers, but does not let the build in/,
    ],
  ];
  const builds = new Map<string, Promise<Ended>>();

  /** All at once: they do little but wait. */
  function start(): void {
    if (builds.size > 0) return;
    for (const [name, more] of CASES) {
      const layer = {
        ...{ name: name.replaceAll(" ", "-"), provisioners: shell("true"), ...more },
        settings: { ssh_timeout: "40s", ...more.settings },
      };
      builds.set(name, workspace.run(workspace.specifyIn(join(workspace.folder, layer.name), good, layer)));
    }
  }

  /**
   * @fault guests: the guest never gets an address
   * @then 3 after `ssh_timeout` (20 minutes unless the template says otherwise): `the guest never answered on its
   *   network`, with the end of the console
   * @fault guests: it has one, but no SSH
   * @then the same: `nothing answers at its SSH port`
   * @fault guests: its SSH lets nobody in
   * @then the same: `has not taken the build's key`
   */
  test.each(CASES)("%s is known from what it does, with the end of its console", async (name, _, says) => {
    start();
    const ended = (await builds.get(name)) as Ended;
    check(ended);
    expect(ended.code).toBe(3);
    // Which is what Packer says of all three.
    expect(ended.stderr).toMatch(/Timeout waiting for SSH/);
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr).toContain("the guest's console ends with:\n");
  });

  test("leaves nothing behind", async () => {
    await Promise.all(builds.values());
    await workspace.expectNothingLeft();
  });
});

test("the next build succeeds", async () => {
  await workspace.expectNextBuildSucceeds(workspace.specify(good));
  // What each of the builds above stood on was built once, and is still what it was.
  expect(workspace.log().match(/^\S+ building "good"/gm)).toHaveLength(1);
});
