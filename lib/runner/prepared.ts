/** What is known of the machine that builds: preflight.ts finds it out, makers go by it. */
import type { Cloud } from "../cloud/cloud";
import { type BuildContext, proxiesOf } from "./context";
import type { Accelerator } from "./host/accelerator";
import { createMasker, type Masker } from "./output/masking";

/** What a build has found out, and reads from its environment. */
export interface Prepared {
  /** Versions of the tools that were looked for, by name. */
  readonly tools: Readonly<Record<string, string>>;
  /** Left out where no guest is to run. */
  readonly accelerator?: Accelerator;
  /** Where layers are built that no QEMU here builds. @default - none is */
  readonly cloud?: Cloud;
  /** Values by Packer variable. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly masker: Masker;
}

/** What is known before anything is looked for. */
export function unprepared(context: BuildContext): Prepared {
  return { tools: {}, secrets: new Map(), masker: createMasker(proxiesOf(context)) };
}
