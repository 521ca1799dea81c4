/** Files that a base is made from: downloaded into the cache or lying on this machine, and checked. */

import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { withoutCredentials } from "../../build-machine";
import { ExitCode, VisaImageError } from "../../errors";
import { isFile } from "../../presence";
import type { CloudImageBase, InstallerMedium } from "../../specification";
import { addToMediaLock, readMediaLock } from "../../template/media-lock";
import { isUrl } from "../../template/source";
import { cacheRoot, hashFile } from "../cache/cache";
import { checkForeignDisk } from "../cache/foreign-disk";
import type { RunTool } from "../processes/run-tool";

/** Options of {@link download}. */
export interface DownloadOptions {
  /** HTTP proxy. @default that of the environment */
  readonly proxy?: string;
  /** Where downloads are kept, whole or in part. @default `downloads` in the cache */
  readonly downloads?: string;
  readonly run: RunTool;
  /** Called with one line for each thing that is done. */
  readonly log: (line: string) => void;
  /** Called with what a person is to see. @default - not said */
  readonly warn?: (message: string) => void;
}

/**
 * A file that an installer is booted from, downloaded and checked, or checked where it lies.
 *
 * @param medium with an absolute path, or a URL
 * @returns the path of the file, which is not to be changed
 * @throws VisaImageError where a checksum differs, or a file or a download is not to be had
 */
export async function obtainMedium(medium: InstallerMedium, options: DownloadOptions): Promise<string> {
  const { name, source, firstUse } = medium;
  const checksum = medium.checksum ?? (firstUse && readMediaLock(firstUse.lockFile)[firstUse.name]);
  const file =
    checksum === undefined ? await takeUnknown(source, options) : await obtainKnown(source, checksum, options);
  // QEMU guesses the format of a CD.
  if (name === "iso") await checkForeignDisk(file, "raw");
  if (checksum === undefined && firstUse) {
    const taken = `sha256:${await hashFile(file, "sha256")}`;
    addToMediaLock(firstUse.lockFile, firstUse.name, taken);
    options.warn?.(
      `"${firstUse.name}" has no checksum and is taken on first use: ${taken}, now in ${firstUse.lockFile}, to be committed`,
    );
  }
  return file;
}

async function obtainKnown(source: string, checksum: string, options: DownloadOptions): Promise<string> {
  if (isUrl(source)) return download({ url: source, checksum }, options);
  await checkFile(source, checksum, options);
  return source;
}

/** A medium as it is: whatever is downloaded goes under the checksum that it has. */
async function takeUnknown(source: string, { downloads = downloadsFolder(), proxy, run, log }: DownloadOptions) {
  if (!isUrl(source)) {
    await requireFile(source);
    return source;
  }
  const shown = withoutCredentials(source);
  await mkdir(downloads, { recursive: true });
  // What an attempt that was cut off has left may be of another file by now: nobody could tell.
  const part = join(downloads, `first-use-${process.pid}.part`);
  try {
    log(`downloading ${shown}, which has no checksum`);
    await run("curl", curlArguments(source, part), { env: proxyEnvironment(proxy), network: true });
    const file = join(downloads, `sha256-${await hashFile(part, "sha256")}`);
    await rename(part, file);
    return file;
  } catch (cause) {
    throw downloadFailed(shown, cause);
  } finally {
    await rm(part, { force: true });
  }
}

function downloadsFolder(): string {
  return join(cacheRoot(), "downloads");
}

async function requireFile(path: string): Promise<void> {
  if (await isFile(path)) return;
  throw new VisaImageError(`the base image "${path}" is missing`, {
    fix: "put it there, or correct the path in the template's manifest",
    exitCode: ExitCode.USAGE,
  });
}

/** Checks a file where it lies. @throws VisaImageError where it is missing or its checksum differs */
export async function checkFile(path: string, checksum: string, { log }: Pick<DownloadOptions, "log">): Promise<void> {
  const expected = parseChecksum(checksum);
  await requireFile(path);
  log(`checking ${path}`);
  const actual = await hashFile(path, expected.algorithm);
  if (actual !== expected.hex) throw wrongChecksum(path, expected, actual, "");
}

/**
 * Downloads a file into the cache, going on where an earlier attempt was cut off.
 *
 * @throws VisaImageError as {@link obtainMedium}
 */
export async function download(
  base: Pick<CloudImageBase, "url" | "checksum">,
  options: DownloadOptions,
): Promise<string> {
  const { downloads = downloadsFolder(), proxy, run, log } = options;
  const expected = parseChecksum(base.checksum);
  const file = join(downloads, `${expected.algorithm}-${expected.hex}`);
  const part = `${file}.part`;
  const shown = withoutCredentials(base.url);
  await mkdir(downloads, { recursive: true });
  if (await isFile(file)) {
    if ((await hashFile(file, expected.algorithm)) === expected.hex) {
      log(`already downloaded: ${shown}`);
      return file;
    }
    log(`${file} is damaged: downloading it again`);
    await rm(file);
  }
  // An attempt may have been cut off between the last byte and the check.
  let begun = await isFile(part);
  for (let actual = begun ? await hashFile(part, expected.algorithm) : ""; actual !== expected.hex; ) {
    log(begun ? `going on with the download of ${shown}` : `downloading ${shown}`);
    try {
      await run("curl", curlArguments(base.url, part), { env: proxyEnvironment(proxy), network: true });
      actual = await hashFile(part, expected.algorithm);
    } catch (cause) {
      // Cut off once more: what is there stays, and the next attempt goes on. Only a server that knows no ranges, or
      // whose file is shorter by now, gets it removed.
      if (!begun || !/exit code (33|36)\b|error: 416/.test((cause as Error).message))
        throw downloadFailed(shown, cause);
      log("the download cannot be continued: starting again");
      actual = "";
    }
    if (actual === expected.hex) break;
    await rm(part, { force: true });
    // What was there before may have been a part of another file.
    if (!begun) throw wrongChecksum(shown, expected, actual, "; the downloaded file was deleted");
    begun = false;
  }
  await rename(part, file);
  return file;
}

/** An error page is no image (`--fail`), and a stalled transfer ends instead of hanging. */
function curlArguments(url: string, part: string): string[] {
  return [
    ...["--fail", "--location", "--silent", "--show-error", "--proto-redir", "=http,https"],
    ...["--connect-timeout", "30", "--speed-limit", "1024", "--speed-time", "60"],
    ...["--retry", "3", "--retry-delay", "2", "--continue-at", "-", "--output", part, "--", url],
  ];
}

interface Checksum {
  readonly algorithm: "sha256" | "sha512";
  readonly hex: string;
}

function parseChecksum(text: string): Checksum {
  const match = /^(?:(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128}))$/i.exec(text.trim());
  if (!match) {
    throw new VisaImageError(`"${text}" is not a checksum`, {
      fix: 'write "sha256:" and 64 hex digits, or "sha512:" and 128',
      exitCode: ExitCode.USAGE,
    });
  }
  return match[1]
    ? { algorithm: "sha256", hex: (match[2] as string).toLowerCase() }
    : { algorithm: "sha512", hex: (match[4] as string).toLowerCase() };
}

function wrongChecksum(
  name: string,
  { algorithm, hex }: Checksum,
  actual: string,
  consequence: string,
): VisaImageError {
  return new VisaImageError(
    `the checksum of "${name}" is ${algorithm}:${actual}, not ${algorithm}:${hex} as declared${consequence}`,
    {
      fix: "compare with the checksum that the image's publisher states, and correct the template's manifest (or remove its line of visa-media.lock.json) if that changed",
      exitCode: ExitCode.CHANGED,
    },
  );
}

function downloadFailed(shown: string, cause: unknown): VisaImageError {
  const { message } = cause as Error;
  // Whoever asked wrongly gets the same answer again.
  const wrongUrl = /error: 4\d\d|exit code (3|6)\b/.test(message);
  return new VisaImageError(`cannot download "${shown}": ${message}`, {
    fix: wrongUrl
      ? "correct the URL in the template's manifest; publishers remove old images"
      : "try again: it goes on where it stopped. Behind a proxy set https_proxy, or give --http-proxy",
    cause,
  });
}

/** The environment of a tool that goes by a proxy. */
export function proxyEnvironment(proxy: string | undefined): Record<string, string> {
  return proxy ? { http_proxy: proxy, https_proxy: proxy } : {};
}
