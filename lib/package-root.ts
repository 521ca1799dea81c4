import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { VisaImageError } from "./errors";

let root: string | undefined;

/** The folder of this package, whether its code runs from lib/ or from dist/lib/. */
export function packageRoot(): string {
  for (let folder = __dirname; root === undefined; folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === "cdktf-visa-images") root = folder;
    else if (folder === dirname(folder)) {
      throw new VisaImageError(`the package's own folder is not to be found above "${__dirname}"`, {
        fix: "install cdktf-visa-images anew",
      });
    }
  }
  return root;
}

/** A folder of files that the package ships beside its code, such as `packer/guest`: as built, or as in the sources. */
export function assetFolder(name: string): string {
  const candidates = [join(packageRoot(), "dist", "lib", name), join(packageRoot(), "lib", name)];
  // Sources that run as they are (tests, tsx) must not pick up what an older build left in dist.
  if (!__dirname.startsWith(join(packageRoot(), "dist"))) candidates.reverse();
  const found = candidates.find((folder) => existsSync(folder));
  if (!found) {
    throw new VisaImageError(`the package's folder "${name}" is missing`, { fix: "install cdktf-visa-images anew" });
  }
  return found;
}

/** The version of this package. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")).version;
}
