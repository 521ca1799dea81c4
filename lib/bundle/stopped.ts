import { constants } from "node:os";
import { VisaImageError } from "../errors";

/** Does something until it ends, or until a signal comes: then what it waits for is aborted, and it cleans up as after an error. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) =>
    controller.abort(new VisaImageError(`stopped by ${name}`, { exitCode: 128 + constants.signals[name] }));
  const names: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const name of names) process.on(name, stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of names) process.off(name, stop);
  }
}
