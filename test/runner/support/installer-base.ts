import type { InstallerBase } from "../../../lib/specification";

/** An installer whose files have these contents, and one secret, `pw`. */
export const installerBase = (...contents: string[]): InstallerBase => ({
  kind: "installer",
  media: [],
  configuration: {},
  files: contents.map((content, i) => ({ path: `file${i}`, source: "/x", mode: 0o600, sha256: "", content })),
  secrets: [{ name: "pw", environment: "VISA_PW", required: true }],
  diskSizeGb: 10,
  timeout: "2h",
});
