/** `visa-image verify --on-cloud`: has a cloud boot a registered image, and says whether its instance keeps VISA's contract. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { Cloud } from "../cloud/cloud";
import { Glance, type GlanceImage } from "../cloud/glance";
import { credentialsFrom } from "../cloud/keystone";
import { type ContractPart, contractParts } from "../contract";
import { usageError, VisaImageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import { ownerScript } from "../owner-script";
import { verifiedChecksums } from "../releases/provenance";
import { isSnapshot } from "../releases/release";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { cleanUpAfter, createScratch, removeScratch } from "../runner/cache/scratch";
import { checkTools } from "../runner/host/requirements";
import { identify } from "../runner/processes/processes";
import type { LayerSpecification } from "../specification";
import { type MetadataSource, SOURCES } from "../verify/checks/cloud-checks";
import { Janitor, runJanitor } from "../verify/cloud/janitor";
import type { Trial, TrialPlace } from "../verify/cloud/trial";
import { verifyOnCloud } from "../verify/cloud/verify-on-cloud";
import type { OwnCheck } from "../verify/own-check";
import type { VerifyReport } from "../verify/verify-report";
import { readJobs } from "./build-command";
import { environmentOf } from "./inputs";
import { stoppable } from "./stoppable";
import { readChecks, tellReport, type VerifyCommandOptions } from "./verify-command";

/** What is known of an image's template. */
interface Promised {
  readonly template: string;
  readonly fingerprint: string;
  readonly parts: readonly ContractPart[];
  readonly checks: readonly OwnCheck[];
}

/** Runs the command. @throws VisaImageError with exit code 1 where an assertion does not hold, or there is no instance */
export async function runVerifyOnCloud(template: string | undefined, options: VerifyCommandOptions): Promise<void> {
  const { flavor, network, onCloud = "", profile = "gate" } = options;
  if (!flavor || !network) {
    const missing = flavor ? "--network" : "--flavor";
    const fix = "visa-image verify --on-cloud <image> --flavor <name> --network <name>";
    throw usageError(`"${missing}" is missing: what an instance on the cloud is made with`, undefined, fix);
  }
  checkCidr(options.from);
  await checkTools(["ssh-keygen", "setpriv"]);
  const cache = new Cache(typeof options.cache === "string" ? resolve(options.cache) : cacheRoot());
  await cache.prepare();
  const glance = await Glance.connect(credentialsFrom(process.env));
  const image = await findImage(glance, onCloud);
  const promised = await promiseOf(template, image, options);
  const place = await placeOf(new Cloud(glance.session), { ...options, flavor, network });
  const say = (text: string) => {
    if (!options.quiet || text.startsWith("FAIL")) process.stderr.write(`[${promised.template}] ${text}\n`);
  };
  const key = short(sha256(image.id));
  // Not by the fingerprint's digits: what is named so is the gate's evidence.
  const reports = options.reports ? resolve(options.reports) : join(cache.reports, `cloud-${key}-${profile}`);
  const trials: Trial[] = [];
  const janitor = Janitor.start([process.execPath, ...process.execArgv, process.argv[1] as string, "janitor"]);
  const removeTrials = async () => {
    await Promise.all(trials.map((trial) => trial.remove()));
    janitor.dismiss();
  };
  let stopped = false;
  const cleanUp = async () => {
    stopped = true;
    process.stderr.write("visa-image: removing the instance from the cloud\n");
    await removeTrials();
    const self = identify();
    if (self) await cleanUpAfter(cache, self);
  };
  const report = await stoppable(cleanUp, async (): Promise<VerifyReport> => {
    const scratch = await createScratch(cache, key);
    process.env.TMPDIR = scratch.temporary;
    try {
      return await verifyOnCloud({
        ...{ ...promised, image, place, profile, reports, scratch: scratch.path, onMessage: say },
        bootCommand: options.bootCommand ? readFileSync(options.bootCommand, "utf8") : ownerScript(),
        sources: sourcesOf(options.source),
        verified: await verifiedChecksums(cache, promised.fingerprint),
        onTrial(trial) {
          if (stopped) throw new VisaImageError("stopped: no other instance is made");
          trials.push(trial);
          janitor.expect(trial.name);
        },
      });
    } finally {
      await removeTrials();
      await removeScratch(scratch);
    }
  });
  await tellReport(report, { reports, cache, options, say, fix: "what did not pass is not shown by a deploy" });
}

/** The hidden command by which {@link Janitor.start} starts itself. */
export async function runCloudJanitor(): Promise<void> {
  const connect = () => Cloud.connect(credentialsFrom(process.env));
  await runJanitor(process.stdin, connect, join(cacheRoot(), "cloud-janitor.log"));
}

/** @throws VisaImageError where there is no such image, or several */
async function findImage(glance: Glance, nameOrId: string): Promise<GlanceImage> {
  const byId = await glance.image(nameOrId);
  if (byId) return byId;
  // Snapshots of servers have the properties of the image that they were started from.
  const named = (await glance.images({ name: nameOrId })).filter((image) => !isSnapshot(image));
  const shown = named.filter(({ os_hidden: hidden }) => !hidden);
  const [first, ...others] = shown.length > 0 ? shown : named;
  if (first && others.length === 0) return first;
  if (!first) {
    throw usageError(
      `Glance has no image "${nameOrId}" of this project`,
      undefined,
      "give an id: openstack image list",
    );
  }
  const ids = [first, ...others].map(({ id }) => id).join(", ");
  throw usageError(`there are several images "${nameOrId}"`, undefined, `give an id: ${ids}`);
}

/** What was specified, what a template of a catalog promises, or what the image says that it was made of. */
async function promiseOf(
  template: string | undefined,
  image: GlanceImage,
  options: VerifyCommandOptions,
): Promise<Promised> {
  const fingerprint = String(image.visa_fingerprint ?? image.os_hash_value ?? image.id);
  const made = typeof image.visa_template === "string" ? image.visa_template : undefined;
  if (options.contract !== undefined) {
    const parts = contractParts(options.contract.split(/[\s,]+/).filter(Boolean));
    return { template: template ?? made ?? image.name, fingerprint, parts, checks: [] };
  }
  const wanted = template ?? made;
  if (!wanted && !options.specification) {
    throw usageError(
      `nobody says what the image "${image.name}" promises: it was made elsewhere`,
      undefined,
      '--contract "boot desktop login hygiene", or the template',
    );
  }
  const [job] = readJobs(options.specification ? [] : [wanted as string], options, environmentOf(options));
  const layer = job?.specification.layers.at(-1) as LayerSpecification;
  if (options.specification && image.visa_fingerprint !== layer.fingerprint) {
    throw new VisaImageError(`the image "${image.id}" is no release of what was specified`, {
      fix: `expected visa_fingerprint ${short(layer.fingerprint)}…; deploy again`,
    });
  }
  const checks = job ? readChecks(job.specification, job.directory) : [];
  return { template: layer.name, fingerprint, parts: layer.contract, checks };
}

async function placeOf(
  { nova, neutron }: Cloud,
  options: VerifyCommandOptions & { readonly flavor: string; readonly network: string },
): Promise<TrialPlace> {
  const { securityGroup = [], floatingIpPool: pool, from } = options;
  return {
    ...{ nova, neutron },
    flavor: await nova.flavor(options.flavor),
    network: await neutron.network(options.network),
    securityGroups: await Promise.all(securityGroup.map((name) => neutron.securityGroup(name))),
    ...(pool !== undefined && { floatingPool: await neutron.network(pool) }),
    ...(from !== undefined && { from }),
  };
}

function sourcesOf(source: MetadataSource | "both" = "metadata-service"): readonly MetadataSource[] {
  return source === "both" ? SOURCES : [source];
}

function checkCidr(cidr: string | undefined): void {
  if (cidr === undefined) return;
  const [address = "", prefix = ""] = cidr.split("/");
  const most = isIP(address) === 6 ? 128 : 32;
  if (isIP(address) && /^\d+$/.test(prefix) && Number(prefix) <= most) return;
  throw usageError(`"--from" is "${cidr}", expected a range of addresses`, undefined, "--from 192.0.2.0/24");
}
