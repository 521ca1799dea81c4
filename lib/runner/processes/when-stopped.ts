/** What a worker still has to do where it is told to stop: to give back what is not on this machine. */

const tasks = new Set<() => Promise<void>>();

/** Remembers a task for that case. @returns a function that forgets it again */
export function whenStopped(task: () => Promise<void>): () => void {
  tasks.add(task);
  return () => void tasks.delete(task);
}

/**
 * Does all of them; one that fails leaves the others be.
 *
 * @public a worker loads it when it is stopped
 */
export async function beforeTheEnd(): Promise<void> {
  await Promise.allSettled([...tasks].map((task) => task()));
}
