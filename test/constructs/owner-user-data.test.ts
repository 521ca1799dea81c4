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

// Each as somebody's editor left it; what follows is what a person adds in VISA's page by hand.
test.each([
  ["with a byte order mark", "\uFEFFecho with-bom\n", "with-bom"],
  ["with CRLF", '#!/bin/bash\r\n# mounts\r\nif [ -d /tmp ]; then\r\n  echo "mounting"\r\nfi\r\n', "mounting"],
  ["with CRLF but for its end", "echo a\r\necho b\r", "a\nb"],
  ["that exits", "false || true\n# 50  0x0p+0nd ${HOME} %{x}\nexit 0\necho never", ""],
  [
    "that prints what Terraform would read",
    "echo '50  0x0p+0nd ${HOME} %{x} $${y}'",
    "50  0x0p+0nd ${HOME} %{x} $${y}",
  ],
  ["that ends in a comment", "echo a # )", "a"],
  ["that ends in a backslash", "echo a \\", "a"],
])("runs more shell %s, and then what follows", (_, extraShell, printed) => {
  for (const document of [
    OwnerUserData.script({ source, extraShell }).text,
    // The same document through Terraform.
    OwnerUserData.script({ source, extraShell })
      .render()
      .replaceAll(/([$%])\1\{/g, "$1{"),
    parse(OwnerUserData.cloudConfig({ source, extraShell }).text).runcmd[0][2] as string,
  ]) {
    expect(run(`${document}echo after\n`)).toBe(`owner none %{x}\n${printed && `${printed}\n`}after\n0`);
  }
});

test("runs a source with a byte order mark and CRLF, and tells what was mended", () => {
  const userData = OwnerUserData.script({ source: `\uFEFF${source.replaceAll("\n", "\r\n")}`, extraShell: "true\r\n" });
  expect(run(userData.text)).toBe("owner none %{x}\n0");
  expect(userData.warnings).toEqual([
    "the script that makes the owner begins with a byte order mark, which was left out",
    "the script that makes the owner has lines that end as on Windows (CRLF), which were mended",
    "the extra shell has lines that end as on Windows (CRLF), which were mended",
  ]);
  expect(OwnerUserData.script().warnings).toEqual([]);
});

test("a failure of more shell is the document's, and ends it", () => {
  expect(run(`${OwnerUserData.script({ source, extraShell: "false\necho more" }).text}echo after\n`)).toBe(
    "owner none %{x}\n1",
  );
});

test("fails for extra shell of another program than bash", () => {
  expect(() => OwnerUserData.script({ source, extraShell: "#!/usr/bin/env python3\nprint()" })).toThrow(
    'the extra shell begins with "#!/usr/bin/env python3", and bash runs it',
  );
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
