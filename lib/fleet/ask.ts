/** Asks for what a fleet is made of: Glance and Nova of each cloud that the lock names, once each, and VISA. */
import { listServers } from "../cloud/nova";
import type { Environment } from "../cloud/proxy";
import { usageError, VisaImageError } from "../errors";
import { Clouds } from "../releases/clouds";
import { releasesNamed } from "../releases/names";
import { readLock } from "../releases/release-lock";
import { visaIsKnown } from "../visa/api-token";
import { VisaClient } from "../visa/visa-client";
import { type CloudAnswer, type Fleet, type InstanceInVisa, makeFleet } from "./fleet";

/** What {@link askFleet} is told. */
export interface FleetOptions {
  readonly lockFile: string;
  /** Images or releases, by any of their names (see `releasesNamed`). @default - all */
  readonly names?: readonly string[];
  /** Whether VISA is asked, where the environment names one. @default true */
  readonly visa?: boolean;
  /** @default process.env */
  readonly environment?: Environment;
}

/**
 * Nothing is changed. A cloud that cannot be signed in to is told as one whose servers are unknown, where others can.
 *
 * @throws VisaImageError for a name that the lock does not have, and where no cloud can be asked
 */
export async function askFleet({ lockFile, names = [], visa = true, ...options }: FleetOptions): Promise<Fleet> {
  const environment = options.environment ?? process.env;
  const lock = readLock(lockFile);
  const all = Object.entries(lock.images).flatMap(([image, releases]) =>
    releases.map((release) => ({ image, release })),
  );
  const wanted = releasesNamed(all, names, (name, fix) =>
    usageError(`"${lockFile}" has no image or release "${name}"`, undefined, fix),
  );
  const images = names.length > 0 ? wanted.map(({ image }) => image) : Object.keys(lock.images);
  const clouds = new Clouds(lock, environment);
  const groups = new Map<string, string | undefined>();
  for (const image of images.length > 0 ? images : [undefined]) groups.set(clouds.keyOf(image), image);
  const failures: VisaImageError[] = [];
  const answers = await Promise.all(
    [...groups.values()].map(async (image): Promise<CloudAnswer> => {
      const where = (image !== undefined && lock.clouds?.[image]) || {};
      try {
        const glance = await clouds.of(image);
        return { ...where, images: await glance.images(), servers: await listServers(glance.session) };
      } catch (error) {
        if (!(error instanceof VisaImageError)) throw error;
        failures.push(error);
        return { ...where, images: [], servers: { kind: "unknown", reason: firstLine(error) } };
      }
    }),
  );
  const [failure] = failures;
  if (failure && failures.length === answers.length) throw failure;
  const inVisa = visa && visaIsKnown(environment) ? await askVisa(environment) : undefined;
  return makeFleet({ lock, wanted, only: names.length > 0, clouds: answers, ...inVisa });
}

/** End dates are worth having, and no reason to say nothing. */
async function askVisa(
  environment: Environment,
): Promise<{ readonly instances: readonly InstanceInVisa[]; readonly visa: Fleet["visa"] }> {
  let client: VisaClient | undefined;
  try {
    client = new VisaClient({ environment });
    await client.checkRole();
    return { instances: await client.instanceList(), visa: { asked: true } };
  } catch (error) {
    if (!(error instanceof VisaImageError)) throw error;
    return { instances: [], visa: { asked: false, reason: firstLine(error) } };
  } finally {
    await client?.close();
  }
}

function firstLine({ message }: Error): string {
  return message.split("\n")[0] ?? "";
}
