/** The steps of ours around an image that Glance fetches from a web server, instead of an upload by the provider. */
import { join, relative, resolve } from "node:path";
import type { Construct } from "constructs";
import { VisaImageError } from "../errors";
import type { DiskFormat } from "../specification";
import { visaImageCommand } from "./layer-build";
import { claimOf, type ReleaseFamily } from "./release-family";
import { signInEnvironment } from "./sign-in";
import { fromOutputFolder, outputFolder } from "./staged-file";
import { TerraformData } from "./terraform-data";
import { addressPart, commandWord, escapeTemplate, refuseToken } from "./text";

/** A folder that the operator's web server serves, and where Glance finds it. */
export interface WebDownloadProps {
  /** On the machine that deploys; absolute, or from the folder of cdktf.json. */
  readonly folder: string;
  /** The address of that folder, as Glance and the machine that deploys reach it: http or https, without credentials. */
  readonly url: string;
}

/** What is put there. */
export interface DownloadedDisk {
  readonly release: string;
  readonly template: string;
  readonly diskFormat: DiskFormat;
  /** Relative to the stack's output folder. */
  readonly diskFile: string;
  /** The command that makes it. */
  readonly diskCommand: string;
  /** What has to be done before. */
  readonly ready: TerraformData;
  /** As Terraform writes durations. */
  readonly createTimeout: string;
}

/** What the image and its registration need to know of it. */
export interface Download {
  /** The image's `image_source_url`: in the place of an address that leads nowhere a text, which Glance's refusal shows. */
  readonly url: string;
  /** Created once Glance has the image. */
  readonly fetched: TerraformData;
  /** Options of the registration: the disk that was sent, and where it is served. */
  readonly registration: readonly string[];
}

/**
 * A `terraform_data.<id>_<release>_served`, which puts the disk there before the image is made, and a
 * `terraform_data.<id>_<release>_fetched`, which looks on while Glance fetches it.
 */
export function webDownload(
  scope: Construct,
  family: ReleaseFamily,
  { folder, url }: WebDownloadProps,
  disk: DownloadedDisk,
): Download {
  const { release, template, diskFormat, diskFile, diskCommand, ready, createTimeout } = disk;
  const name = `${addressPart(template)}-${release}.${diskFormat}`;
  const file = join(resolve(folder), name);
  const to = fromOutputFolder(scope, file);
  const address = `${url.replace(/\/+$/, "")}/${name}`;
  const which = ["--image", family.lockKey, "--release", release];
  const where = ["--url", address, ...which, "--make", diskCommand];
  const environment = signInEnvironment(scope, family.provider);

  const served = new TerraformData(scope, "Served", {
    triggersReplace: { release, source: "web-download" },
    dependsOn: [ready],
    provisioners: [
      {
        type: "local-exec",
        command: visaImageCommand(scope, ["web-download", "put", "--disk", diskFile, "--to", to, ...where]),
        environment,
      },
    ],
  });
  claimOf(served, family, `_${release}_served`);

  const fetched = new TerraformData(scope, "Fetched", {
    triggersReplace: { release, source: "web-download" },
    dependsOn: [served],
    provisioners: [
      {
        type: "local-exec",
        command: visaImageCommand(scope, [
          ...["web-download", "watch", ...which, "--limit", String(secondsOf(createTimeout))],
        ]),
        environment,
      },
    ],
  });
  claimOf(fetched, family, `_${release}_fetched`);

  const here = (path: string) => commandWord(relative(process.cwd(), path));
  const again = ["--disk", here(join(outputFolder(scope), diskFile)), "--to", here(file), ...where.map(commandWord)];
  const missing = `the disk is not at ${address}: run '${diskCommand}', then 'npx visa-image web-download put ${again.join(" ")}', and deploy again`;
  const text = (value: string) => JSON.stringify(escapeTemplate(value));
  const id = `${TerraformData.tfResourceType}.${served.friendlyUniqueId}.id`;
  return {
    // Unknown until it was put there. An image that exists keeps its own.
    url: `\${${id} == "" || fileexists("\${path.module}/${to}") ? ${text(address)} : ${text(missing)}}`,
    fetched,
    registration: ["--sent", diskFile, "--served", to],
  };
}

/** How long Terraform waits where only it knows: an hour. */
const UNKNOWN_LIMIT = 3600;

const UNITS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };

/** Seconds of a duration as Terraform writes it: "1h30m". */
function secondsOf(duration: string): number {
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)([hms])(?![a-z])/g)];
  const seconds = parts.reduce((sum, [, value, unit]) => sum + Number(value) * (UNITS[unit as string] as number), 0);
  return Math.ceil(seconds) || UNKNOWN_LIMIT;
}

/** @throws VisaImageError for what is no address, or has a password in it */
export function checkWebDownload(props: WebDownloadProps | undefined): void {
  if (!props) return;
  const { folder, url } = props;
  refuseToken("webDownload.folder", folder);
  refuseToken("webDownload.url", url);
  const fix = 'webDownload: { folder: "/srv/www/images", url: "https://www.example.org/images" }';
  if (!folder)
    throw new VisaImageError('"webDownload.folder" is empty: it is the one that a web server serves', { fix });
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.search || parsed.hash) {
    throw new VisaImageError(`"webDownload.url" is "${url}", expected the http or https address of that folder`, {
      fix,
    });
  }
  if (parsed.username || parsed.password) {
    throw new VisaImageError('"webDownload.url" has credentials in it, which plan and state would show', {
      fix: "let the web server give the folder to Glance's addresses without them",
    });
  }
}
