import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerServices } from "../../../lib/cloud/cloud";
import { Janitor, runJanitor } from "../../../lib/verify/cloud/janitor";
import { scratchFolder } from "../../support/scratch";

/** A cloud with one server, and what was done to it. */
function cloudWith(name: string): { readonly cloud: ServerServices; readonly done: string[] } {
  const done: string[] = [];
  let there = true;
  const nova = {
    servers: async (wanted: string) => (wanted === `^${name}$` && there ? [{ id: "s" }] : []),
    delete: async (id: string) => {
      there = false;
      done.push(`delete ${id}`);
    },
    server: async () => undefined,
  };
  const neutron = {
    floatingIps: async () => [],
    securityGroups: async (wanted: string) => (wanted === name ? [{ id: "g" }] : []),
    deleteSecurityGroup: async (id: string) => void done.push(`delete ${id}`),
  };
  return { cloud: { nova, neutron } as unknown as ServerServices, done };
}

test("what a killed command had is removed by its name", async () => {
  const { cloud, done } = cloudWith("image-check-1");
  const log = join(scratchFolder(), "log");
  await runJanitor(Readable.from(["image-check-1\n"]), async () => cloud, log, 1);
  expect(done).toEqual(["delete s", "delete g"]);
  expect(readFileSync(log, "utf8")).toContain('removed what was left of "image-check-1"');
});

test("a command that has said that all is removed, or made nothing, is left alone", async () => {
  const log = join(scratchFolder(), "log");
  const never = async (): Promise<ServerServices> => {
    throw new Error("asked");
  };
  await runJanitor(Readable.from(["image-check-1\n", ".\n"]), never, log);
  await runJanitor(Readable.from([]), never, log);
  expect(existsSync(log)).toBe(false);
});

test("fails, and writes it down, where the cloud cannot be reached any more", async () => {
  const log = join(scratchFolder(), "log");
  const connect = async (): Promise<ServerServices> => {
    throw new Error("cannot reach it");
  };
  await runJanitor(Readable.from(["image-check-1\n"]), connect, log, 1);
  expect(readFileSync(log, "utf8")).toContain('"image-check-1" could not be removed: cannot reach it');
});

test("it reads what the command tells it", async () => {
  const folder = scratchFolder();
  const file = join(folder, "told");
  const program = `let told = ""; process.stdin.on("data", (text) => (told += text)).on("end", () => {
    require("node:fs").writeFileSync(${JSON.stringify(file)}, told);
  })`;
  const janitor = Janitor.start([process.execPath, "-e", program]);
  janitor.expect("image-check-1");
  janitor.dismiss();
  for (let i = 0; i < 100 && !existsSync(file); i++) await sleep(50);
  expect(readFileSync(file, "utf8")).toBe("image-check-1\n.\n");
});
