import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./package-root";

/** The script that makes the owner: the one in the images, and the boot command where nothing else is asked for. */
export function ownerScript(): string {
  return readFileSync(join(packageRoot(), "templates", "visa-base", "files", "visa-owner"), "utf8");
}
