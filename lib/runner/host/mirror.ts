/** The Debian mirror that a build uses: the one that is named, or else the host's own. */
import { join } from "node:path";
import { namesIn, textOf } from "./optional-files";

/** How a guest under QEMU's user network calls the host. */
const HOST_SEEN_FROM_GUEST = "10.0.2.2";

/**
 * The mirror that the host's apt uses for Debian's main archive, `undefined` where the host is not Debian or uses a
 * medium that a guest cannot reach.
 *
 * @param root where /etc stands, for tests
 */
export function hostDebianMirror(root = "/"): string | undefined {
  if (!/^ID=debian$/m.test(textOf(join(root, "etc/os-release")))) return undefined;
  const folder = join(root, "etc/apt/sources.list.d");
  const names = namesIn(folder).sort();
  const sources = [
    ...oneLineSources(textOf(join(root, "etc/apt/sources.list"))),
    ...names.filter((name) => name.endsWith(".list")).flatMap((name) => oneLineSources(textOf(join(folder, name)))),
    ...names.filter((name) => name.endsWith(".sources")).flatMap((name) => deb822Sources(textOf(join(folder, name)))),
  ];
  // Debian's own archive is told from others by its suite and its component: its name may be any in a company.
  const main = sources.find(
    ({ uri, suite, components }) =>
      /^https?:/.test(uri) &&
      components.includes("main") &&
      /^[a-z]+$/.test(suite) &&
      !/security/.test(uri) &&
      (suite === releaseName(root) || /^(stable|testing|sid|unstable)$/.test(suite)),
  );
  return main?.uri.replace(/\/+$/, "");
}

/** The same URL as a guest under QEMU's user network reaches it: the host's loopback has another address there. */
export function asSeenFromGuest(url: string): string {
  return url.replace(
    /^([a-z]+:\/\/(?:[^@/]*@)?)(localhost|127\.\d+\.\d+\.\d+|\[::1\])(?=[:/]|$)/i,
    `$1${HOST_SEEN_FROM_GUEST}`,
  );
}

interface Source {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

function oneLineSources(text: string): Source[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
    return match
      ? [{ uri: match[1] ?? "", suite: match[2] ?? "", components: (match[3] ?? "").trim().split(/\s+/) }]
      : [];
  });
}

function deb822Sources(text: string): Source[] {
  return text.split(/\n[ \t]*\n/).flatMap((stanza) => {
    const fields = new Map<string, string[]>();
    let field = "";
    for (const line of stanza.split("\n")) {
      if (line.startsWith("#")) continue;
      const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
      if (match) field = (match[1] ?? "").toLowerCase();
      const words = (match ? (match[2] ?? "") : line).trim().split(/\s+/).filter(Boolean);
      fields.set(field, [...(fields.get(field) ?? []), ...words]);
    }
    if (!fields.get("types")?.includes("deb") || fields.get("enabled")?.[0]?.toLowerCase() === "no") return [];
    const components = fields.get("components") ?? [];
    return (fields.get("uris") ?? []).flatMap((uri) =>
      (fields.get("suites") ?? []).map((suite) => ({ uri, suite, components })),
    );
  });
}

function releaseName(root: string): string | undefined {
  return /^VERSION_CODENAME=(\S+)$/m.exec(textOf(join(root, "etc/os-release")))?.[1];
}
