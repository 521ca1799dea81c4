import { execFileSync } from "node:child_process";
import { ownerScript } from "../../../lib/owner-script";
import { trialUserData } from "../../../lib/verify/cloud/user-data";

const KEY = "ssh-ed25519 AAAAC3Nz visa-image-verify";

/** The parts as a reader of MIME sees them: cloud-init's is Python's. */
function partsOf(document: string): [type: string, text: string][] {
  const script = `import email, json, sys
message = email.message_from_string(sys.stdin.read())
print(json.dumps([(p.get_content_type(), p.get_payload(decode=True).decode()) for p in message.walk() if not p.is_multipart()]))`;
  return JSON.parse(execFileSync("python3", ["-c", script], { input: document, encoding: "utf8" }));
}

test("a boothook of ours comes first, the boot command byte for byte after it", () => {
  const [[hook = "", script = ""] = [], ...others] = partsOf(trialUserData(ownerScript(), KEY));
  expect(hook).toBe("text/cloud-boothook");
  expect(script).toMatch(/^#cloud-boothook\n#!\/bin\/bash\n/);
  expect(script).toContain(KEY);
  expect(script).toContain("agent.py --serve /run/visa-verify/agent.sock");
  // A plain part is what its first line says, as a document of its own is.
  expect(others).toEqual([["text/plain", ownerScript()]]);
  execFileSync("bash", ["-n"], { input: script });
});

test("without a boot command there is ours alone", () => {
  expect(partsOf(trialUserData(" \n", KEY)).map(([type]) => type)).toEqual(["text/cloud-boothook"]);
});

test("a boot command of several parts keeps them", () => {
  const own = `Content-Type: multipart/mixed; boundary="b"\nMIME-Version: 1.0\n\n--b\nContent-Type: text/cloud-config\n\n#cloud-config\n{}\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n--b--\n`;
  expect(partsOf(trialUserData(own, KEY)).map(([type]) => type)).toEqual([
    ...["text/cloud-boothook", "text/cloud-config", "text/x-shellscript"],
  ]);
});

test("the longest boot command that VISA takes fits into Nova's user data", () => {
  const longest = `#!/bin/bash\n${"x".repeat(16_000)}`;
  expect(Buffer.from(trialUserData(longest, KEY)).toString("base64").length).toBeLessThan(65_535);
});
