/** What `visa-image visa` does: register, say what there is, hide, adopt. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Glance } from "../cloud/glance";
import { credentialsFrom } from "../cloud/keystone";
import { ExitCode, VisaImageError } from "../errors";
import { VISA_ENTRY_PROPERTY } from "../releases/release";
import { LOCK_FILE, type Release, readLock } from "../releases/release-lock";
import type { Environment } from "./api-token";
import { describeEntry, type Entry, readMark, withMark } from "./entry";
import { hideSteps, reconcile, type Step } from "./entry-changes";
import { differingFields, type Found, fieldWord, inputOf, wantedInput } from "./fields";
import { checkLimits } from "./limits";
import { type CarryOutOptions, carryOut } from "./register";
import { changesBetween } from "./release-changes";
import { VisaClient } from "./visa-client";
import { readWanted, type Wanted } from "./wanted";

/** What all of them are told. */
export interface VisaOptions {
  /** @default process.env */
  readonly environment?: Environment;
  /** The lock of the releases. @default visa-images.lock.json */
  readonly lockFile?: string;
  /** Told of each change. */
  readonly onStep?: (says: string) => void;
  readonly pauses?: CarryOutOptions["pauses"];
}

async function withClient<T>(options: VisaOptions, act: (client: VisaClient) => Promise<T>): Promise<T> {
  const client = new VisaClient({ environment: options.environment ?? process.env });
  try {
    return await act(client);
  } finally {
    await client.close();
  }
}

/** What {@link registerInVisa} is told. */
export interface RegisterOptions extends VisaOptions {
  /** The file that synth staged. */
  readonly wanted: string;
  /** The image's id in Glance. @default - the one in use by the lock */
  readonly imageId?: string;
}

/**
 * Brings VISA's entry of an image to what a stack wants.
 *
 * @returns how many changes were made
 * @throws VisaImageError where the image is not active, and for whatever VISA refuses
 */
export async function registerInVisa(options: RegisterOptions): Promise<number> {
  const wanted = readWanted(options.wanted);
  const releases = releasesOf(wanted, options.lockFile);
  const imageId = options.imageId ?? imageOf(wanted, releases);
  if (imageId === undefined) {
    throw new VisaImageError(`the lock has no image of "${wanted.image ?? wanted.key}"`, {
      fix: "deploy first, or name the image: --image-id",
      exitCode: ExitCode.USAGE,
    });
  }
  await checkActive(imageId, options);
  const changes = wanted.tellChanges ? await changesBetween(releases, imageId, options.environment) : undefined;
  const pastImageIds = releases.map((release) => release.imageId).filter((id) => id !== imageId);
  return withClient(options, (client) =>
    carryOut({ ...options, client, plan: (found) => reconcile(wanted, found, { imageId, pastImageIds, changes }) }),
  );
}

/** VISA registers an image in whatever state it is; and `prune` is to ask VISA about it from now on. */
async function checkActive(imageId: string, { environment = process.env }: VisaOptions): Promise<void> {
  const glance = await Glance.connect(credentialsFrom(environment));
  const image = await glance.image(imageId);
  if (image?.status !== "active") {
    throw new VisaImageError(
      `the image "${imageId}" is ${image ? image.status : "not in Glance"}, not active: VISA would offer it all the same`,
      { fix: "deploy again" },
    );
  }
  // Another project's image is not ours to write on.
  if (image.visa_image === undefined || image[VISA_ENTRY_PROPERTY] !== undefined) return;
  await glance.update(imageId, { [VISA_ENTRY_PROPERTY]: "true" });
}

/** An entry of VISA, and whose it is. */
export interface EntryStatus {
  readonly id: number;
  readonly name: string;
  readonly version: string | null;
  readonly visible: boolean;
  readonly imageId: string;
  /** `<stack>/<id>` of the registration that it says it is of. */
  readonly key?: string;
  /** The release that it is of, by its mark or by the lock. */
  readonly release?: string;
  /** Names of flavours; a preset one has a `*`. */
  readonly plans: readonly string[];
  readonly instances: number;
}

/** A registration of a stack, and what VISA has otherwise. */
export interface RegistrationStatus {
  readonly key: string;
  /** The file that synth staged. */
  readonly wanted: string;
  /** Fields of its entry that differ. */
  readonly differs: readonly string[];
  /** What a registration would do. */
  readonly left: readonly string[];
  /** Why it cannot be told. */
  readonly problem?: string;
  /** The command that puts it right. */
  readonly fix?: string;
}

/** What {@link visaStatus} found. */
export interface VisaStatus {
  readonly version: string;
  readonly entries: readonly EntryStatus[];
  readonly registrations: readonly RegistrationStatus[];
}

/** What VISA lists, and what differs from what the stacks of a folder want. Nothing is changed. */
export async function visaStatus(options: VisaOptions & { readonly output: string }): Promise<VisaStatus> {
  const lockFile = options.lockFile ?? LOCK_FILE;
  const byImage = new Map(
    Object.values(readLock(lockFile).images).flatMap((all) => all.map((each) => [each.imageId, each])),
  );
  return withClient(options, async (client) => {
    await client.checkRole();
    const found = await client.read();
    const instances = await client.instances();
    const flavour = (id: number) => found.flavours.find((each) => each.id === id)?.name ?? String(id);
    const entries = found.entries.map((entry) => {
      const mark = readMark(entry.description);
      return {
        id: entry.id,
        name: entry.name,
        version: entry.version ?? null,
        visible: entry.visible,
        imageId: entry.computeId,
        ...(mark && { key: mark.key }),
        ...((mark?.release ?? byImage.get(entry.computeId)) && {
          release: mark?.release ?? byImage.get(entry.computeId)?.release,
        }),
        plans: found.plans
          .filter(({ imageId }) => imageId === entry.id)
          .map(({ flavourId, preset }) => `${flavour(flavourId)}${preset ? "*" : ""}`),
        instances: instances.get(entry.id) ?? 0,
      };
    });
    const registrations = stagedFiles(options.output).map((file) => registrationStatus(file, lockFile, found));
    return { version: await client.version(), entries, registrations };
  });
}

function registrationStatus(file: string, lockFile: string, found: Found): RegistrationStatus {
  const wanted = readWanted(file);
  const releases = releasesOf(wanted, lockFile);
  const imageId = imageOf(wanted, releases);
  const base = { key: wanted.key, wanted: file, differs: [], left: [] };
  if (imageId === undefined) return { ...base, problem: "the lock has no image of it yet", fix: "npx cdktf deploy" };
  try {
    const pastImageIds = releases.map((release) => release.imageId).filter((id) => id !== imageId);
    const steps = reconcile(wanted, found, { imageId, pastImageIds });
    const entry = found.entries.find(
      ({ computeId, description }) => computeId === imageId && readMark(description)?.key === wanted.key,
    );
    const differs = entry
      ? differingFields(wantedInput(wanted, imageId, found, entry, entry.visible), inputOf(entry, found)).map(fieldWord)
      : [];
    const fix = steps.length > 0 ? `npx visa-image visa register --wanted ${file}` : undefined;
    return { ...base, differs, left: steps.map(({ says }) => says), ...(fix && { fix }) };
  } catch (error) {
    if (!(error instanceof VisaImageError)) throw error;
    return { ...base, problem: error.message.split("\n")[0], fix: error.fix };
  }
}

/** The files that registrations staged below a folder of cdktf's output. */
function stagedFiles(output: string): string[] {
  const stacks = join(output, "stacks");
  return namesIn(stacks).flatMap((stack) => {
    const folder = join(stacks, stack, "visa");
    return namesIn(folder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => join(folder, name));
  });
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/**
 * Hides entries: one by its number, or all of a registration.
 *
 * @returns how many were hidden
 * @throws VisaImageError where there is no such entry
 */
export async function hideInVisa(what: string, options: VisaOptions = {}): Promise<number> {
  return withClient(options, async (client) => {
    const select = (found: Found) => entriesOf(what, found);
    const plan = (found: Found): Step[] => hideSteps(select(found), found);
    await client.checkRole();
    if (/^\d+$/.test(what) && select(await client.read()).length === 0) throw noEntry(what);
    return carryOut({ ...options, client, plan });
  });
}

function entriesOf(what: string, { entries }: Found): Entry[] {
  if (/^\d+$/.test(what)) return entries.filter(({ id }) => String(id) === what);
  return entries.filter(({ description }) => readMark(description)?.key === what);
}

/**
 * Says of an entry that was made by hand whose it is: the next registration keeps it, or takes its plans over.
 *
 * @throws VisaImageError where there is no such entry, or it is another registration's
 */
export async function adoptInVisa(key: string, id: number, options: VisaOptions = {}): Promise<string> {
  const releases = Object.values(readLock(options.lockFile ?? LOCK_FILE).images).flat();
  return withClient(options, async (client) => {
    let adopted = "";
    const plan = (found: Found): Step[] => {
      const entry = found.entries.find((each) => each.id === id);
      if (!entry) throw noEntry(String(id));
      adopted = describeEntry(entry);
      const mark = readMark(entry.description);
      if (mark && mark.key !== key) {
        throw new VisaImageError(`${describeEntry(entry)} is "${mark.key}"`, {
          fix: "take the last line of its description away on VISA's page, where that one no longer needs it",
          exitCode: ExitCode.CHANGED,
        });
      }
      if (mark) return [];
      const release = releases.find(({ imageId }) => imageId === entry.computeId)?.release;
      const description = withMark(entry.description, { key, release });
      checkLimits({ description });
      const input = { ...inputOf(entry, found), description };
      return [{ says: `mark ${describeEntry(entry)}`, mutation: { name: "updateImage", id, input } }];
    };
    await carryOut({ ...options, client, plan });
    return adopted;
  });
}

function noEntry(id: string): VisaImageError {
  return new VisaImageError(`VISA has no entry ${id}`, {
    fix: "npx visa-image visa status lists them",
    exitCode: ExitCode.USAGE,
  });
}

function releasesOf(wanted: Wanted, lockFile = LOCK_FILE): readonly Release[] {
  return wanted.image === undefined ? [] : (readLock(lockFile).images[wanted.image] ?? []);
}

/** The image that VISA is to have: that of the wanted release, where the lock knows it. */
function imageOf(wanted: Wanted, releases: readonly Release[]): string | undefined {
  return wanted.imageId ?? releases.find(({ release }) => release === wanted.release)?.imageId;
}
