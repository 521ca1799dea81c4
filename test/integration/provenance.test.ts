/** What a build writes down of itself, on Packer and QEMU: a tiny guest whose dpkg-query is a script. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactManifest } from "../../lib/runner/cache/cache";
import { compileCommand } from "../runner/support/command";
import { type TinyLayer, tinyGuest, writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { Workspace } from "./runner-support";

jest.setTimeout(300_000);

let workspace: Workspace;

beforeAll(() => {
  tinyGuest();
  workspace = new Workspace(compileCommand());
});
afterAll(() => {
  workspace.remove();
});

test("a build lists the guest's packages, and its commit in the image and beside it, in a step that nobody sees", async () => {
  const dpkg = [
    "printf '#!/bin/sh\\necho \"ii  bash 5.2.15-2+b7 amd64\"\\n' > /bin/dpkg-query",
    "chmod +x /bin/dpkg-query",
    // This guest's root folder is not on its disk.
    "mkdir /mnt/visa && ln -s /mnt/visa /etc/visa",
    "echo own step",
  ];
  const layer: TinyLayer = { name: "tiny", provisioners: [{ shell: { inline: dpkg } }] };
  const { file, specification } = writeTinySpecification(workspace.folder, [layer]);
  const git = (...args: string[]) => {
    const user = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    return execFileSync("git", ["-C", workspace.folder, ...user, ...args], { encoding: "utf8" }).trim();
  };
  git("init", "--quiet");
  git("add", "specification.json");
  git("commit", "--quiet", "--message", "first");

  const { code, stderr } = await workspace.run(["build", "--specification", file, "--verbose"]);
  expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  expect(stderr).toContain("own step");
  expect(stderr).toContain("[tiny] 1/3 ");
  expect(stderr).not.toMatch(/visa-report|bash 5\.2|\d+\/3 visa-/);

  const folder = join(workspace.cache, "artifacts", specification.layers[0]?.fingerprint ?? "");
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as ArtifactManifest;
  const bom = readFileSync(join(folder, "sbom.cdx.json"));
  expect(manifest.git).toEqual({ commit: git("rev-parse", "HEAD"), modified: false });
  const raw = join(workspace.folder, "disk.raw");
  execFileSync("qemu-img", ["convert", "-O", "raw", join(folder, "disk.qcow2"), raw]);
  const debugfs = (request: string) =>
    execFileSync("debugfs", ["-R", request, raw], { encoding: "utf8", stdio: "pipe" });
  const release = JSON.parse(debugfs("cat /visa/release.json"));
  expect(release).toEqual(manifest.release);
  expect(release).toMatchObject({ name: "tiny", fingerprint: manifest.fingerprint, commit: manifest.git?.commit });
  expect(debugfs("stat /visa/release.json")).toMatch(/Mode: +0644[\s\S]*User: +0 +Group: +0/);
  expect(Date.parse(release.date)).toBeLessThanOrEqual(Date.parse(manifest.createdAt));
  expect(manifest.sbom).toEqual({ sha256: createHash("sha256").update(bom).digest("hex"), packages: 1 });
  expect(JSON.parse(bom.toString()).components).toEqual([
    expect.objectContaining({ name: "bash", version: "5.2.15-2+b7" }),
  ]);
});
