import { existsSync } from "node:fs";
import { join } from "node:path";
import { VisaImageError } from "../errors";
import { digestFile } from "../fingerprint/file-digest";
import { assetFolder } from "../package-root";
import type { SpecifiedFile } from "../specification";

/** The scripts that every build runs: before the template's own provisioners, and after them. */
export const GUEST_SCRIPTS = { prepare: "guest/prepare.sh", seal: "guest/seal.sh" } as const;

/** The files of those scripts. @param folder where they lie, by default in this package */
export function guestFiles(folder = assetFolder(join("packer", "guest"))): SpecifiedFile[] {
  return Object.values(GUEST_SCRIPTS).map((path) => {
    const source = join(folder, path.slice("guest/".length));
    if (!existsSync(source)) throw new VisaImageError(`"${source}" is missing`, { fix: "install the package anew" });
    return { path, source, ...digestFile(source) };
  });
}
