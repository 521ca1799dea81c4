/** User data of a test instance on a cloud: the image's boot command as VISA sends it, and beside it what lets the agent in. */
import { startOfAgent } from "../instance/guest-agent";

/** Where the agent listens on the guest. */
export const AGENT_SOCKET = "/run/visa-verify/agent.sock";

/** What ssh runs on the guest to reach it. */
export const RELAY = `python3 /run/visa-verify/agent.py --relay ${AGENT_SOCKET}`;

const BOUNDARY = "visa-image-verify";

/**
 * A document of several parts. The boot command is one of them, of the type that cloud-init would find by its first line:
 * a script, `#cloud-config`, or itself a document of parts. Ours is a boothook, which cloud-init runs before all others,
 * and which shares no key with a `#cloud-config` that it would have to be merged with.
 *
 * @param bootCommand may be empty
 * @param publicKey lets root in, in OpenSSH's form
 */
export function trialUserData(bootCommand: string, publicKey: string): string {
  const parts = [part("text/cloud-boothook", `#cloud-boothook\n${letIn(publicKey)}`)];
  if (bootCommand.trim()) parts.push(isMultipart(bootCommand) ? bootCommand : part("text/plain", bootCommand));
  const body = parts.map((each) => `--${BOUNDARY}\n${each}\n`).join("");
  return `Content-Type: multipart/mixed; boundary="${BOUNDARY}"\nMIME-Version: 1.0\n\n${body}--${BOUNDARY}--\n`;
}

/** The key stands where each sshd looks for root's, and goes with the instance. */
function letIn(publicKey: string): string {
  return `#!/bin/bash
${startOfAgent("--serve", AGENT_SOCKET)}
install -d -m 0700 /root/.ssh
grep -qxF '${publicKey}' /root/.ssh/authorized_keys 2>/dev/null || echo '${publicKey}' >> /root/.ssh/authorized_keys
chmod 0600 /root/.ssh/authorized_keys
`;
}

function part(type: string, text: string): string {
  const lines = Buffer.from(text).toString("base64").replaceAll(/.{76}/g, "$&\n");
  return `Content-Type: ${type}; charset="utf-8"\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n${lines}`;
}

/** By its first headers, as cloud-init looks at it. */
function isMultipart(document: string): boolean {
  return /^(mime-version|content-type):/i.test(document.trimStart()) && /^content-type: *multipart\//im.test(document);
}
