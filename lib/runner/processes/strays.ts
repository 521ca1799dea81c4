import { lockHelpers } from "./file-lock";
import { endSession, processInfo } from "./processes";

/**
 * Ends what this worker's tools left running; the helpers of its locks stay.
 *
 * @returns how many processes that were
 */
export async function endStrays(): Promise<number> {
  // Only a worker has a session of its own; in another one there are processes that are none of ours.
  if (processInfo(process.pid)?.session !== process.pid) return 0;
  return endSession(process.pid, { except: lockHelpers() });
}
