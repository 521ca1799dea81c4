/** What a build needs of this machine and its environment, checked before anything long starts. */
import { accessSync, constants, readFileSync, statfsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ExitCode, VisaImageError } from "../errors";
import type { LayerSpecification } from "../specification";
import { MIN_SECRET_LENGTH } from "./masking";
import { size } from "./progress";
import { readTool } from "./tools";

/** Tools by the Debian package that has them, and how each says its version. */
export const TOOLS: Readonly<Record<string, { readonly package: string; readonly version?: readonly string[] }>> = {
  packer: { package: "packer", version: ["version"] },
  "qemu-system-x86_64": { package: "qemu-system-x86", version: ["--version"] },
  "qemu-img": { package: "qemu-utils", version: ["--version"] },
  xorriso: { package: "xorriso", version: ["--version"] },
  "ssh-keygen": { package: "openssh-client" },
  flock: { package: "util-linux" },
  setpriv: { package: "util-linux" },
};

/** What a layer may write, at a guess: packages, their files, and Packer's own. */
const LAYER_BYTES = 2 * 2 ** 30;

/** Versions of the tools, by name; fails with everything that is missing at once. */
export async function checkTools(
  needed: readonly string[] = Object.keys(TOOLS),
  path = process.env.PATH ?? "",
): Promise<Record<string, string>> {
  const missing = needed.filter((tool) => !findTool(tool, path));
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((tool) => TOOLS[tool]?.package ?? tool))];
    throw new VisaImageError(`not on PATH: ${missing.map((tool) => `"${tool}"`).join(", ")}`, {
      fix: `on Debian: apt install ${packages.join(" ")}`,
      exitCode: ExitCode.USAGE,
    });
  }
  const masker = { mask: (line: string) => line, longest: 0 };
  const environment = { PATH: path, HOME: "/nonexistent", CHECKPOINT_DISABLE: "1", LC_ALL: "C" };
  const versions = await Promise.all(
    needed.map(async (tool) => {
      const args = TOOLS[tool]?.version;
      if (!args) return undefined;
      const text = await readTool(tool, args, { masker, environment });
      return [tool, /\d+\.\d+(\.\d+)*/.exec(text)?.[0] ?? "unknown"] as const;
    }),
  );
  return Object.fromEntries(versions.filter((entry) => entry !== undefined));
}

/** Where a tool stands on PATH. */
export function findTool(name: string, path = process.env.PATH ?? ""): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The values of the secrets that layers need, by Packer variable; fails with all that are missing at once. */
export function readSecrets(
  layers: readonly LayerSpecification[],
  environment: NodeJS.ProcessEnv,
  onWarning: (message: string) => void,
): Map<string, string> {
  const values = new Map<string, string>();
  const missing = new Map<string, string>();
  for (const layer of layers) {
    for (const secret of layer.secrets) {
      const value = readSecret(secret.environment, environment);
      if (!value && secret.required) missing.set(secret.environment, layer.name);
      values.set(secret.name, value);
    }
  }
  if (missing.size > 0) {
    const names = [...missing.keys()];
    throw new VisaImageError(
      `${names.map((name) => `"${name}"`).join(", ")} must be set to build "${[...new Set(missing.values())].join('", "')}"`,
      {
        fix: names.map((name) => `export ${name}=…, or ${name}_FILE=<a file that holds it>`).join("; "),
        exitCode: ExitCode.USAGE,
      },
    );
  }
  for (const [name, value] of values) {
    if (value && value.length < MIN_SECRET_LENGTH) {
      onWarning(`the secret "${name}" has fewer than ${MIN_SECRET_LENGTH} characters: it cannot be hidden in the log`);
    }
  }
  return values;
}

function readSecret(name: string, environment: NodeJS.ProcessEnv): string {
  const value = environment[name];
  if (value) return value;
  const file = environment[`${name}_FILE`];
  if (!file) return "";
  try {
    // Editors end a file with a line end that is no part of the secret.
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new VisaImageError(`cannot read the file of "${name}_FILE": ${(cause as Error).message}`, {
      fix: `let ${name}_FILE name a file that you may read, or set ${name}`,
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}

/** Fails where a build of these layers, and a flattened disk, would fill the disk. */
export function checkFreeSpace(folder: string, layers: readonly LayerSpecification[], flatGb: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const needed = layers.reduce((sum, layer) => sum + Math.min(LAYER_BYTES, layer.diskSizeGb * 2 ** 30), 0);
  // A desktop fills a good part of its disk; the rest stays a hole.
  const total = needed + Math.min(flatGb * 2 ** 30, LAYER_BYTES * 2);
  if (free < total) {
    throw new VisaImageError(`"${folder}" has ${size(free)} free, the build may need ${size(total)}`, {
      fix: "make room, or let VISA_IMAGE_CACHE name a folder on another disk",
      exitCode: ExitCode.USAGE,
    });
  }
}

/** Fails where a window was asked for and there is no display to show it on. */
export function checkDisplay(headless: boolean, environment: NodeJS.ProcessEnv): void {
  if (headless || environment.DISPLAY || environment.WAYLAND_DISPLAY) return;
  throw new VisaImageError("a window was asked for (not headless), but there is no display: DISPLAY is not set", {
    fix: "build headless and watch by VNC (its address is shown), or run it in a desktop session",
    exitCode: ExitCode.USAGE,
  });
}
