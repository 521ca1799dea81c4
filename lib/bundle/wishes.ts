import type { Cache } from "../runner/cache/cache";

/** What is asked for. */
export interface BundleWishes {
  /** The file to write, which must not be there. */
  readonly archive: string;
  /** The folder of package-lock.json. */
  readonly project: string;
  /** cdktf's output folder. */
  readonly output: string;
  /** Nothing for all of them. */
  readonly stacks: readonly string[];
  readonly cache: Cache;
  /** Whether the layers go in; else their bases alone, and the media of those. */
  readonly layers: boolean;
  readonly signal: AbortSignal;
  /** Called with what is being done. */
  readonly say: (line: string) => void;
  /** Called with what a person has to see to. */
  readonly warn: (line: string) => void;
}
