/** What a test instance has made in a cloud, so that all of it goes again, whenever and however that ends. */
import { VisaImageError } from "../../errors";

/** Something that is made in the cloud. */
export interface Belonging<T> {
  /** What it is, for a person who has to remove it: a command. */
  readonly byHand: (found: T) => string;
  readonly make: () => Promise<T>;
  /** Removes it, and returns when it is gone. What is gone already is fine. */
  readonly remove: (made: T) => Promise<void>;
  /** Those that are there although nobody answered, or answered with an error. */
  readonly find: () => Promise<readonly T[]>;
}

interface Entry {
  /** Removes what there is of it; returns what is left, and why. */
  readonly remove: () => Promise<string[]>;
}

/** Things in the opposite order of their making. */
export class Belongings {
  private readonly entries: Entry[] = [];
  private removal: Promise<string[]> | undefined;

  /** Makes one. @throws VisaImageError once the removal has begun: an interrupt comes at any time */
  async make<T>({ make, remove, find, byHand }: Belonging<T>): Promise<T> {
    if (this.removal) throw new VisaImageError("nothing more is made: the test instance is being removed");
    const made = make();
    // Known before it is there: a request that is on its way is waited for, and undone.
    this.entries.push({
      async remove() {
        const there = await made.then(
          (one) => [one],
          () => find(),
        );
        return (await Promise.all(there.map((one) => removed(one, remove, byHand)))).flat();
      },
    });
    return made;
  }

  /** Removes all of it, once, whoever asks. @returns what is left, and why: nothing, normally */
  remove(): Promise<string[]> {
    this.removal ??= this.removeAll();
    return this.removal;
  }

  private async removeAll(): Promise<string[]> {
    const left: string[] = [];
    for (const entry of this.entries.reverse()) {
      left.push(...(await entry.remove().catch((error: Error) => [firstLine(error)])));
    }
    return left;
  }
}

async function removed<T>(one: T, remove: (one: T) => Promise<void>, byHand: (one: T) => string): Promise<string[]> {
  try {
    await remove(one);
    return [];
  } catch (error) {
    return [`${byHand(one)} (${firstLine(error as Error)})`];
  }
}

function firstLine({ message }: Error): string {
  return message.split("\n")[0] ?? "";
}
