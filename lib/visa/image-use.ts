/** What VISA has of an image, for `visa-image prune` and `retire`: VISA lets go first, Glance follows. */

import { type Environment, visaIsKnown } from "./api-token";
import { describeEntry, type Entry, readMark } from "./entry";
import { hideSteps } from "./entry-changes";
import type { Found } from "./fields";
import { carryOut } from "./register";
import { VisaClient } from "./visa-client";

/** What VISA says of images. */
export interface ImageUse {
  /** Why an image has to stay; undefined where VISA does not need it. */
  reason(imageId: string): Promise<string | undefined>;
  /** Deletes the hidden entries of ours that an image has. Their plans go with them; instances that run stay. */
  forget(imageId: string): Promise<void>;
  /** Hides the entries that an image has and VISA shows. @returns how many */
  hide(imageId: string): Promise<number>;
}

/**
 * Asks the VISA of the environment, once it is needed; undefined where that names none.
 */
export function imageUse(environment: Environment): ImageUse | undefined {
  if (!visaIsKnown(environment)) return undefined;
  let read: Promise<{ readonly found: Found; readonly instances: ReadonlyMap<number, number> }> | undefined;
  const ask = async <T>(act: (client: VisaClient) => Promise<T>): Promise<T> => {
    const client = new VisaClient({ environment });
    try {
      return await act(client);
    } finally {
      await client.close();
    }
  };
  const state = () => {
    read ??= ask(async (client) => {
      await client.checkRole();
      return { found: await client.read(), instances: await client.instances() };
    });
    return read;
  };
  return {
    async reason(imageId) {
      const { found, instances } = await state();
      const reasons = entriesOf(found, imageId).map((entry) => reasonOf(entry, instances.get(entry.id) ?? 0));
      return reasons.find((reason) => reason !== undefined);
    },
    hide: (imageId) =>
      ask((client) => carryOut({ client, plan: (found) => hideSteps(entriesOf(found, imageId), found) })),
    async forget(imageId) {
      const { found } = await state();
      for (const { id } of entriesOf(found, imageId)) {
        await ask((client) => client.change({ name: "deleteImage", id }));
      }
    },
  };
}

function entriesOf({ entries }: Found, imageId: string): Entry[] {
  return entries.filter(({ computeId }) => computeId === imageId);
}

function reasonOf(entry: Entry, instances: number): string | undefined {
  if (entry.visible) return `VISA shows it: ${describeEntry(entry)}`;
  if (instances > 0) return `VISA has ${instances} instances of ${describeEntry(entry)}`;
  if (readMark(entry.description)) return undefined;
  return `VISA has ${describeEntry(entry)}, which was made by hand: delete that first`;
}
