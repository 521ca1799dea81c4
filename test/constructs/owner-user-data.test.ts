import { spawnSync } from "node:child_process";
import { parse } from "yaml";
import { OwnerUserData } from "../../lib/constructs/owner-user-data";

const source = '#!/bin/bash\nset -eu\necho "owner ${USER_NAME:-none}" "%{x}"\nexit "${STATUS:-0}"\n';

/** Runs a document as cloud-init runs a script. */
function run(document: string, environment: Record<string, string> = {}): string {
  const { stdout, status } = spawnSync("bash", ["-c", document], { encoding: "utf8", env: environment });
  return `${stdout}${status}`;
}

test("is the source itself, escaped only for Terraform", () => {
  const script = OwnerUserData.script({ source });
  expect(script.text).toBe(source);
  expect(script.render()).toBe(
    '#!/bin/bash\nset -eu\necho "owner $${USER_NAME:-none}" "%%{x}"\nexit "$${STATUS:-0}"\n',
  );
});

test("runs more shell after the source, which may exit", () => {
  const { text } = OwnerUserData.script({ source, extraShell: 'echo "more"' });
  expect(text.startsWith("#!/bin/bash\n")).toBe(true);
  expect(run(text)).toBe("owner none %{x}\nmore\n0");
});

test("runs no more shell where the source fails", () => {
  const { text } = OwnerUserData.script({ source, extraShell: "echo more" });
  expect(run(text, { STATUS: "3" })).toBe("owner none %{x}\n3");
});

test("is the same script as #cloud-config", () => {
  const { text } = OwnerUserData.cloudConfig({ source, extraShell: "echo 'more: \"x\"'" });
  expect(text.startsWith("#cloud-config\n")).toBe(true);
  expect(parse(text)).toEqual({
    runcmd: [["bash", "-c", OwnerUserData.script({ source, extraShell: "echo 'more: \"x\"'" }).text]],
  });
});

test("fails where VISA would not take it, by one character", () => {
  const room = 16_000 - OwnerUserData.script({ source, extraShell: "#" }).text.length + 1;
  expect(() => OwnerUserData.script({ source, extraShell: "#".repeat(room) })).not.toThrow();
  expect(() => OwnerUserData.script({ source, extraShell: "#".repeat(room + 1) })).toThrow(
    "has 16001 characters; VISA takes at most 16000",
  );
});

test("fails for a source that cloud-init would not run", () => {
  expect(() => OwnerUserData.script({ source: "echo" })).toThrow("does not begin with #!");
});
