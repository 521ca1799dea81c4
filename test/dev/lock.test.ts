import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { withLock } from "../../dev/embedded-cloud/lock";

const folder = mkdtempSync(join(tmpdir(), "lock "));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a lock", () => {
  it("lets in one at a time", async () => {
    const file = join(folder, "one");
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 4 }, () =>
        withLock(file, 10, async () => {
          most = Math.max(most, ++inside);
          await sleep(30);
          inside--;
        }),
      ),
    );
    expect(most).toBe(1);
  });

  it("is released by an error", async () => {
    const file = join(folder, "error");
    await expect(withLock(file, 1, () => Promise.reject(new Error("boom")))).rejects.toThrow("boom");
    expect(await withLock(file, 1, async () => "in")).toBe("in");
  });

  it("fails when it isn't free in time", async () => {
    const file = join(folder, "busy");
    await withLock(file, 1, async () => {
      await expect(withLock(file, 0.1, async () => "in")).rejects.toThrow(/another command is at work on the cloud/);
    });
  });

  it("fails when its file can't be made", async () => {
    await expect(withLock(join(folder, "missing/lock"), 1, async () => "in")).rejects.toThrow(/cannot lock/);
  });
});
