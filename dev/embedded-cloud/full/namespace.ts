/** The namespaces of a full cloud: network, mounts and processes of its own, which all end with one process. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { VisaImageError } from "../../../lib/errors";
import { exists } from "../../../lib/presence";
import { processInfo } from "../../../lib/runner/processes/processes";
import type { Service } from "../service";
import type { Workbench } from "../workbench";

/** The service that is the namespaces' first process. */
export const NAMESPACE = "namespace";

/** Makes the namespaces, and lets the workbench's programs enter them. */
export async function startNamespace(bench: Workbench): Promise<void> {
  const ready = join(bench.folder, "run/namespace.ready");
  await rm(ready, { force: true });
  await bench.start(
    NAMESPACE,
    [
      ...["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"],
      ...["--propagation", "private", "bash", join(__dirname, "first-process"), bench.folder],
    ],
    {},
    [],
  );
  await bench.until(NAMESPACE, "come up", () => exists(ready));
  bench.enter = await enterNamespace(bench.service(NAMESPACE));
}

/**
 * Ends the namespaces, and all that is in them: guests too, which the next start resumes.
 *
 * @returns whether anything had to be ended
 */
export async function stopNamespace(service: Service): Promise<boolean> {
  const first = await firstProcess(service);
  const before = first === undefined ? undefined : processInfo(first);
  const stopped = await service.stop(0);
  if (first === undefined) return stopped;
  // The kernel kills all the others, and lets it go when the last one has ended: on a busy machine that takes seconds.
  for (const deadline = Date.now() + LAST_ONES_MS; Date.now() < deadline; await sleep(50)) {
    const now = processInfo(first);
    if (!now || now.state === "Z" || now.startTime !== before?.startTime) break;
  }
  return stopped;
}

/** What is stuck in the kernel, for example in a disk that does not answer, is not waited for. */
const LAST_ONES_MS = 60_000;

async function firstProcess(service: Service): Promise<number | undefined> {
  const processes = await service.inspect();
  if (processes.state !== "running") return undefined;
  // Its main process is unshare, whose only child is the first of the namespaces.
  const { pid } = processes;
  const [first] = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ");
  return first ? Number(first) : undefined;
}

/**
 * The command by which a program enters the namespaces.
 *
 * @param only the machine's own network stays. @default - all of them are entered
 * @throws VisaImageError where they are not there
 */
export async function enterNamespace(service: Service, only?: "but network"): Promise<string[]> {
  const first = await firstProcess(service);
  if (first !== undefined) return ["nsenter", "-t", String(first), "-m", "-p", ...(only ? [] : ["-n"]), "--"];
  throw new VisaImageError("the cloud's namespaces are not there", { fix: "start it: dev/cloud start" });
}
