/** An image that Glance fetches from a web server: its disk is put there, the import is watched, the disk is taken away. */
import { chmod, mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Glance, type GlanceImage } from "../cloud/glance";
import { HttpClient } from "../cloud/http";
import { credentialsFrom } from "../cloud/keystone";
import type { Environment } from "../cloud/proxy";
import { VisaImageError } from "../errors";
import { createMasker } from "../runner/output/masking";
import { runToolOrFail } from "../runner/processes/tools";
import { isSnapshot } from "./release";

/** Whose disk it is. */
interface Owner {
  /** `<stack>/<id>` of the image. */
  readonly image: string;
  /** The release's 12 digits. */
  readonly release: string;
  /** @default process.env */
  readonly environment?: Environment;
}

/** What {@link putDisk} is told. */
export interface PutDiskOptions extends Owner {
  readonly disk: string;
  /** Where to, in a folder that a web server serves. */
  readonly to: string;
  /** The address of that file. */
  readonly url: string;
  /** What makes the disk, for the message where it is not there. */
  readonly make: string;
}

const ELSE = "or leave out webDownload: the provider then uploads the disk";

/**
 * Copies a disk to where Glance is to fetch it: at once, readable by everybody. Does nothing where Glance has the image.
 *
 * @returns whether it is there now
 * @throws VisaImageError where Glance fetches nothing, or the web server does not have the file; then it is not there
 */
export async function putDisk(options: PutDiskOptions): Promise<boolean> {
  const { disk, to, url, make } = options;
  const glance = await Glance.connect(credentialsFrom(options.environment ?? process.env));
  if ((await newest(glance, options))?.status === "active") return false;
  if (!(await glance.importMethods()).includes("web-download")) {
    throw new VisaImageError("this cloud's Glance fetches no images: its import API has no web-download", {
      fix: `ask the cloud's operators to enable it (enabled_import_methods), ${ELSE}`,
    });
  }
  const { size } = await stat(disk).catch((cause) => {
    throw new VisaImageError(`"${disk}" is not on this machine`, { fix: `run '${make}' and deploy again`, cause });
  });
  try {
    await copyDisk(disk, to);
    await checkServed(url, to, size, options.environment);
  } catch (error) {
    await takeDiskAway(to);
    throw error;
  }
  return true;
}

/** Takes it away again, and what a copy that was killed has left of it. */
export async function takeDiskAway(file: string): Promise<void> {
  for (const each of [file, unfinished(file)]) await rm(each, { force: true });
}

/** Whoever is killed in the middle leaves a name that the next one takes. */
function unfinished(file: string): string {
  return join(dirname(file), `.${basename(file)}.part`);
}

async function copyDisk(disk: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  const part = unfinished(to);
  await rm(part, { force: true });
  const options = { masker: createMasker([]), onLine: () => {} };
  await runToolOrFail("cp", ["--reflink=auto", "--sparse=always", "--", disk, part], options);
  // The web server is another user; the cache's own file is closed.
  await chmod(part, 0o644);
  await rename(part, to);
}

async function checkServed(url: string, to: string, size: number, environment?: Environment): Promise<void> {
  const fix = `let the web server that webDownload.url names serve "${resolve(dirname(to))}", ${ELSE}`;
  const http = new HttpClient({ environment, fix });
  try {
    const { status, headers } = await http.send({ method: "HEAD", url });
    const length = headers["content-length"];
    if (status !== 200) throw new VisaImageError(`the web server answered ${status} for "${url}"`, { fix });
    if (length === undefined || Number(length) === size) return;
    throw new VisaImageError(`the web server has ${length} bytes at "${url}", not the disk's ${size}`, { fix });
  } finally {
    await http.close();
  }
}

/** What {@link watchImport} is told. */
export interface WatchImportOptions extends Owner {
  /** How long Terraform waits for the image, in seconds: then nobody needs to know any more. */
  readonly limit: number;
}

/** How long an image, or its import, may be in coming: Terraform makes it while this one looks, in seconds. */
const COMING = 60;

/** A failed image that is older was left by an earlier deploy, in seconds. */
const OLD = 120;

/**
 * Looks on while Glance fetches an image that Terraform has just made. Where that fails, Glance puts the image back into
 * its queue, in which the provider waits for it until its time limit, an hour and more: so the image is deleted here,
 * and the provider ends at its next look.
 *
 * @returns what became of it; nothing began where Terraform makes one thing after the other (`-parallelism=1`)
 * @throws VisaImageError where the import failed
 */
export async function watchImport(options: WatchImportOptions): Promise<"fetched" | "not begun" | "out of time"> {
  const glance = await Glance.connect(credentialsFrom(options.environment ?? process.env));
  const old = new Set<string>();
  const started = Date.now();
  for (let seconds = 0; seconds < options.limit; seconds = (Date.now() - started) / 1000) {
    const image = await newest(glance, options);
    if (image && hasFailed(image) && seconds < 2 && Date.now() - Date.parse(image.created_at) > OLD * 1000) {
      old.add(image.id);
    }
    if (image?.status === "active") return "fetched";
    if (image && hasFailed(image) && !old.has(image.id)) {
      await glance.delete(image.id);
      throw new VisaImageError(`Glance could not fetch the image "${image.id}", which is deleted again`, {
        fix: "see Glance's log (glance-api) for the reason: it does not reach the web server (allowed_hosts, allowed_ports), its staging store is full, or the bytes are no such disk; then deploy again",
      });
    }
    if (seconds > COMING && (!image || old.has(image.id))) return "not begun";
    if (seconds > COMING && image?.status === "queued" && !image.os_glance_import_task) {
      throw new VisaImageError(`Glance does not begin to fetch the image "${image.id}"`, {
        fix: "see what the provider says of it, and deploy again",
      });
    }
    await sleep(2000);
  }
  return "out of time";
}

function hasFailed({ status, os_glance_failed_import: stores }: GlanceImage): boolean {
  return status === "queued" && typeof stores === "string" && stores !== "";
}

/** The last image of a release, whether it was registered or not. */
async function newest(glance: Glance, { image, release }: Owner): Promise<GlanceImage | undefined> {
  const images = await glance.images({ visa_image: image, visa_release: release });
  return images.filter((each) => !isSnapshot(each)).at(-1);
}
