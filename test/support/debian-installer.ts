/** Kernel and initrd of Debian's installer, from the package that holds them: fetched once, kept for the next run. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { digestFile } from "../../lib/fingerprint/file-digest";

const PACKAGE = "debian-installer-12-netboot-amd64";

/** Paths and checksums. */
export function debianInstaller(): Record<"kernel" | "kernel_checksum" | "initrd" | "initrd_checksum", string> {
  const folder = resolve(__dirname, "../../node_modules/.cache", PACKAGE);
  if (!existsSync(folder)) {
    const parent = resolve(folder, "..");
    mkdirSync(parent, { recursive: true });
    const work = mkdtempSync(join(parent, "installer-"));
    const run = (command: string, ...args: string[]) =>
      execFileSync(command, args, { cwd: work, stdio: ["ignore", "ignore", "pipe"] });
    try {
      run("apt-get", "download", "-qq", PACKAGE);
      run("dpkg", "-x", readdirSync(work)[0] as string, "root");
      const images = "root/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64";
      renameSync(join(work, images), folder);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  const [kernel, initrd] = [join(folder, "linux"), join(folder, "initrd.gz")];
  const checksum = (file: string) => `sha256:${digestFile(file).sha256}`;
  return { kernel, kernel_checksum: checksum(kernel), initrd, initrd_checksum: checksum(initrd) };
}
