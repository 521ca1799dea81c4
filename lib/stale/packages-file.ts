/** A Packages file: the binary packages of one component and architecture of a suite. */
import { compareDebianVersions } from "../debian-version";

/** A package as a suite has it. */
export interface IndexedPackage {
  readonly version: string;
  /** The source package, where it has another name. */
  readonly source?: string;
}

/** The newest version of each package, by name. */
export function parsePackages(text: string): Map<string, IndexedPackage> {
  const packages = new Map<string, IndexedPackage>();
  let [name, version, source] = ["", "", ""];
  const take = () => {
    const present = packages.get(name);
    if (name && version && (!present || compareDebianVersions(present.version, version) < 0)) {
      packages.set(name, { version, ...(source && source !== name && { source }) });
    }
    [name, version, source] = ["", "", ""];
  };
  // Line by line without an array of a million lines: Debian's file has 45 MB.
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    if (end === start) take();
    else if (text.startsWith("Package: ", start)) name = text.slice(start + 9, end).trim();
    else if (text.startsWith("Version: ", start)) version = text.slice(start + 9, end).trim();
    // "Source: openssl (3.0.17-1)": the version only where it is another one.
    else if (text.startsWith("Source: ", start))
      source =
        text
          .slice(start + 8, end)
          .trim()
          .split(" ", 1)[0] ?? "";
    start = end + 1;
  }
  take();
  return packages;
}
