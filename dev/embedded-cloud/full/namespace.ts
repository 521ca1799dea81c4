/** The namespaces of a full cloud: network, mounts and processes of its own, which all end with one process. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { VisaImageError } from "../../../lib/errors";
import { exists } from "../../../lib/presence";
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
 * The command by which a program enters the namespaces.
 *
 * @param only the machine's own network stays. @default - all of them are entered
 * @throws VisaImageError where they are not there
 */
export async function enterNamespace(service: Service, only?: "but network"): Promise<string[]> {
  const processes = await service.inspect();
  if (processes.state === "running") {
    // Its main process is unshare, whose only child is the first of the namespaces.
    const { pid } = processes;
    const [first] = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ");
    if (first) return ["nsenter", "-t", first, "-m", "-p", ...(only ? [] : ["-n"]), "--"];
  }
  throw new VisaImageError("the cloud's namespaces are not there", { fix: "start it: dev/cloud start" });
}
