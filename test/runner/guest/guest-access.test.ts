import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CREDENTIALS, chooseAccess, writeAccess } from "../../../lib/runner/guest/guest-access";
import type { RunTool } from "../../../lib/runner/processes/run-tool";
import { scratchFolder } from "../../support/scratch";

const run: RunTool = async (command, args, { cwd } = {}) => {
  execFileSync(command, [...args], { cwd });
};
const configuration = (source: object = {}) => ({
  variable: {},
  source: {
    qemu: { one: { cd_files: ["seed/openstack"], cd_label: "config-2", qemuargs: [["-cpu", "x"]], ...source } },
  },
});

test("a disk takes a config drive, where it has not said that it takes credentials", () => {
  expect(chooseAccess({}, configuration())).toBe("config-drive");
  expect(chooseAccess({ login: "credentials" }, configuration())).toBe("credentials");
  // The recipe's network is for QEMU's own address.
  const own = configuration({ qemuargs: [["-device", "virtio-net,netdev=user.0,mac=52:54:00:00:00:01"]] });
  expect(chooseAccess({ login: "credentials" }, own)).toBe("config-drive");
});

test("credentials: no config drive, a key for root and one of the host, and none on a command line", async () => {
  const scratch = scratchFolder();
  await writeAccess("credentials", scratch, "one", run);
  expect(readdirSync(join(scratch, "credentials")).sort()).toEqual([...CREDENTIALS].sort());
  const read = (name: string) => readFileSync(join(scratch, name), "utf8");
  expect(read("credentials/ssh.authorized_keys.root")).toBe(read("build-key.pub"));
  const [, key] = /^f\+~ \/etc\/ssh\/ssh_host_ed25519_key 0600 root root - (\S+)\n$/.exec(
    read("credentials/tmpfiles.extra"),
  ) as unknown as [string, string];
  expect(Buffer.from(key, "base64").toString()).toBe(read("host-key"));
  expect(statSync(join(scratch, "credentials/tmpfiles.extra")).mode & 0o777).toBe(0o600);
});

test("a config drive: an instance of its own, and root's key in the user data", async () => {
  const scratch = scratchFolder();
  await writeAccess("config-drive", scratch, "one", run);
  const read = (name: string) => readFileSync(join(scratch, "seed/openstack/latest", name), "utf8");
  expect(JSON.parse(read("meta_data.json"))).toMatchObject({ name: "build-one", hostname: "build-one" });
  const data = JSON.parse(read("user_data").replace("#cloud-config", ""));
  expect(data).toMatchObject({ disable_root: false, users: [] });
  expect(data.ssh_authorized_keys).toEqual([readFileSync(join(scratch, "build-key.pub"), "utf8").trim()]);
});
