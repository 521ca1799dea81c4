import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { readConsoleWords, SshAccess } from "../../../lib/verify/cloud/ssh";
import { scratchFolder } from "../../support/scratch";

const CONSOLE = `[   12.3] systemd[1]: Started.\r
visa-verify: waiting for sshd\r
\r
visa-verify: host key ssh-ed25519 AAAAold=\r
[  OK  ] Started something.\r
visa-verify: host key ssh-ed25519 AAAAnew=\r
`;

test("the last key that the console tells counts", () => {
  expect(readConsoleWords(CONSOLE)).toEqual({
    ...{ started: true, withoutSshd: false, hostKey: { type: "ssh-ed25519", key: "AAAAnew=" } },
  });
  expect(readConsoleWords("login: ")).toEqual({ started: false, withoutSshd: false });
  expect(readConsoleWords("visa-verify: no sshd")).toEqual({ started: true, withoutSshd: true });
});

test("a key that was told is the only one that ssh takes, and no file of this machine's counts", async () => {
  const folder = join(scratchFolder(), "own");
  const access = await SshAccess.make(folder);
  expect(access.publicKey).toMatch(/^ssh-ed25519 \S+ visa-image-verify$/);
  const [pinned, open] = [
    access.arguments("192.0.2.7", { type: "ssh-rsa", key: "AAAA" }),
    access.arguments("192.0.2.7"),
  ];
  expect(pinned).toEqual(
    expect.arrayContaining(["StrictHostKeyChecking=yes", "HostKeyAlgorithms=rsa-sha2-512,rsa-sha2-256"]),
  );
  expect(open).toContain("StrictHostKeyChecking=accept-new");
  // As ssh itself reads it: -G prints what it would do.
  const config = execFileSync("ssh", ["-G", ...pinned], { encoding: "utf8" });
  expect(config).toContain("batchmode yes");
  expect(config).toContain("user root");
  expect(config).toContain(`userknownhostsfile ${join(folder, "known-hosts")}`);
});

test("fails, and keeps ssh's words, where nobody answers", async () => {
  const access = await SshAccess.make(join(scratchFolder(), "own"));
  const channel = await access.connect("127.0.0.1.invalid");
  await new Promise((done) => channel.output.once("close", done));
  await new Promise((done) => setTimeout(done, 200));
  expect(access.lastWords).toContain("127.0.0.1.invalid");
});
