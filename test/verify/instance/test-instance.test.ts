/** The test instance itself, on a disk without a system: what VISA's metadata become, and what is left of it afterwards. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assetFolder } from "../../../lib/package-root";
import { agentVendorData } from "../../../lib/verify/instance/guest-agent";
import { TestInstance } from "../../../lib/verify/instance/test-instance";

const folder = mkdtempSync(join(tmpdir(), "visa instance's test, "));
const disk = join(folder, "disk.raw");
beforeAll(() => execFileSync("qemu-img", ["create", "-q", "-f", "raw", disk, "64M"]));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

jest.setTimeout(60_000);

/** The id of the QEMU whose files are in a folder; nothing where there is none. */
function processOf(own: string): string {
  // QEMU's options have a comma twice.
  return spawnSync("pgrep", ["-f", own.replaceAll(",", ",,")], { encoding: "utf8" }).stdout.trim();
}

test("an instance carries no prefix of VISA's, leaves the disk alone, and is removed but for its evidence", async () => {
  const before = execFileSync("sha256sum", [disk], { encoding: "utf8" });
  const own = join(folder, "machine");
  const began = performance.now();
  const instance = await TestInstance.boot({
    ...{ disk, format: "raw", folder: own, agent: true, growByGb: 1, ports: [3389] },
    ...{ metadata: { owner: "ada", id: "7" }, userData: "#!/bin/bash\n" },
  });
  const latest = join(own, "metadata", "openstack", "latest");
  const told = JSON.parse(readFileSync(join(latest, "meta_data.json"), "utf8"));
  expect(told.name).not.toMatch(/^VISA/);
  expect(told).toMatchObject({ meta: { owner: "ada", id: "7" } });
  expect(JSON.parse(readFileSync(join(latest, "vendor_data.json"), "utf8"))).toBe(agentVendorData());
  expect(instance.port(3389)).toBeGreaterThan(1024);
  expect(processOf(own)).toMatch(/^\d+$/);
  await instance.screenshot(join(folder, "screen.png"));
  expect(readFileSync(join(folder, "screen.png")).subarray(1, 4).toString()).toBe("PNG");
  await instance.plugInDisk({ path: disk, format: "raw" });
  await instance.unplugDisk();
  await instance.plugInDisk({ path: disk, format: "raw" });
  // However free this machine is, its processors have waited for a moment: they are seen, and counted.
  const now = performance.now();
  const seconds = instance.clock?.ownSeconds(began, now) ?? 0;
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThan((now - began) / 1000);
  await instance.stop();
  expect(readdirSync(own).sort()).toEqual(["console.log", "qemu.log"]);
  expect(processOf(own)).toBe("");
  expect(execFileSync("sha256sum", [disk], { encoding: "utf8" })).toBe(before);
});

test("fails with how QEMU ended, where it has ended by itself", async () => {
  const own = join(folder, "ended");
  await using instance = await TestInstance.boot({ disk, format: "raw", folder: own });
  process.kill(Number(processOf(own)), "SIGSEGV");
  await expect(instance.screenshot(join(folder, "ended.png"))).rejects.toThrow(
    "ended by itself: QEMU said nothing (SIGSEGV)",
  );
});

test("without an agent, or where QEMU refuses, the error says so", async () => {
  const bad = { disk: join(folder, "none.raw"), format: "raw", folder: join(folder, "bad") } as const;
  await expect(TestInstance.boot(bad)).rejects.toThrow("none.raw");
  await using instance = await TestInstance.boot({ disk, format: "raw", folder: join(folder, "plain") });
  expect(() => instance.guest).toThrow("without an agent");
  expect(() => instance.port(22)).toThrow('port "22" of the guest is not forwarded');
});

describe("the metadata service", () => {
  const data = join(folder, "it's data");
  beforeAll(() => {
    mkdirSync(join(data, "openstack"), { recursive: true });
    writeFileSync(join(data, "openstack", ".index"), "latest\n");
    writeFileSync(join(data, "openstack", "user_data"), "#!/bin/bash\n");
    writeFileSync(join(folder, "secret"), "outside");
  });
  const ask = (request: string) =>
    execFileSync("bash", [join(assetFolder(join("verify", "guest")), "metadata-service.sh"), data], {
      input: `${request}\r\nHost: 169.254.169.254\r\n\r\n`,
      encoding: "utf8",
    });

  test("answers files and folders", () => {
    expect(ask("GET /openstack/user_data HTTP/1.1")).toBe(
      "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n#!/bin/bash\n",
    );
    expect(ask("GET /openstack HTTP/1.1")).toMatch(/200 OK[\s\S]*\r\n\r\nlatest\n$/);
  });

  test("answers 404 for the rest, and for what lies outside", () => {
    expect(existsSync(join(data, "..", "secret"))).toBe(true);
    for (const path of ["/latest/meta-data/", "/../secret", "/openstack/../../secret"]) {
      expect(ask(`GET ${path} HTTP/1.1`)).toMatch(/^HTTP\/1\.1 404 Not Found\r\nContent-Length: 0\r\n/);
    }
  });
});
