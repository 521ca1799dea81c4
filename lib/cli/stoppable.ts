/** A command that ends with whoever asked for it, and cleans up before that. */
import { SIGNALS, watchParents } from "../runner/supervisor";

/**
 * Runs something until it ends, or until a signal comes or Terraform, which asked for it, is gone: then what it has made
 * is removed, and the process exits.
 */
export async function stoppable<T>(cleanUp: () => Promise<void>, run: () => Promise<T>): Promise<T> {
  let stopping: Promise<never> | undefined;
  const stop = (code: number, why: string) => {
    process.stderr.write(`visa-image: ${why}\n`);
    stopping ??= cleanUp().then(
      () => process.exit(code),
      () => process.exit(code),
    );
  };
  const handlers = Object.entries(SIGNALS).map(([name, code]) => {
    const handler = () => stop(code, `stopped by ${name}`);
    process.once(name, handler);
    return [name, handler] as const;
  });
  const watch = watchParents((why) => stop(SIGNALS.SIGTERM, why));
  try {
    return await run();
  } catch (error) {
    // What it lacks was taken away from it: it is not that which ends the command.
    await stopping;
    throw error;
  } finally {
    clearInterval(watch);
    for (const [name, handler] of handlers) process.off(name, handler);
  }
}
