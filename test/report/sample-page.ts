import type { Difference } from "../../lib/diff/compare";
import type { Page, PageLayer } from "../../lib/report/page";
import type { VerifyReport } from "../../lib/verify/verify-report";

/** What somebody may write into a name, a version, a detail. */
export const HOSTILE = `</script><img src=x onerror="alert(1)"><!-- & ' \u202e\u0007`;

/** It as text. */
export const HARMLESS = "&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&lt;!-- &amp; &#39; \ufffd\ufffd";

export const verification: VerifyReport = {
  ...{ version: 2, verifier: "2", template: "visa-apps", fingerprint: "ab".repeat(32), profile: "gate" },
  ...{ parts: ["boot"], digest: "d", accelerator: "tcg", startedAt: "2026-11-28T16:37:15.872Z", seconds: 125 },
  passed: true,
  findings: [
    {
      ...{ number: 12, name: "3389 and 4822 open after the owner and the key exist", verdict: "pass", seconds: 1 },
      detail: "since the boot: owner 77.0 s, 3389 82.7 s, 4822 80.3 s",
    },
    {
      ...{ number: 37, name: "Jupyter answers", verdict: "not applicable", detail: "not promised", seconds: 0 },
    },
    { name: "visa-apps: own.sh", verdict: "pass", detail: "", seconds: 1 },
  ],
};

export const layer: PageLayer = {
  ...{ template: "visa-apps", fingerprint: "ab".repeat(32), inputs: { "scripts/apps.sh": "77b2 0755" } },
  ...{
    createdAt: "2026-11-28T18:18:38.984Z",
    durationSeconds: 190,
    tools: { packer: "1.6.6" },
    packageVersion: "0.1.0",
  },
  disk: { bytes: 250 << 20, sha256: "cd".repeat(32), modified: 0, virtualSizeGb: 5 },
  git: { commit: "c0ffee", modified: true },
};

export const page: Page = {
  ...{ template: "visa-apps", fingerprint: "ab".repeat(32), verification, layers: [layer] },
  release: {
    ...{ image: "desktops/general", release: "0123456789ab", fingerprint: "ab".repeat(32), template: "visa-apps" },
    ...{ name: "VISA desktop", diskFormat: "raw", imageId: "5d1f", sha512: "ef".repeat(64), sizeBytes: 5 << 30 },
    registered: "2026-11-28T19:00:00Z",
  },
  picture: Buffer.from("picture"),
  packages: [{ name: "xrdp", version: "0.9.21.1-1", kind: "deb", layer: "visa-base" }],
  digests: { "manifest.json": "12".repeat(32) },
};

/** A difference in which somebody wrote a text. */
export function difference(text: string): Difference {
  return {
    ...{ version: 1, headline: "1 package up", b: { title: text } },
    a: { title: "release 1", built: "2026-11-01T00:00:00Z" },
    sections: [
      {
        ...{ title: "packages of the system", noun: ["package", "packages"] },
        changes: [{ kind: "up", name: text, before: "1", after: text, layer: "visa-base" }],
      },
    ],
    measures: [{ name: "image", unit: "bytes", before: 1 << 20 }],
    notCompared: [{ what: "users", why: text }],
  };
}
