/** The command, run in this process: what it says and how it ends is that of main.ts, without the time of a start. */
import { main } from "../../lib/cli/main";

/** How a command ended, as of a process. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

class Exit extends Error {
  constructor(readonly status: number) {
    super(`exit ${status}`);
  }
}

/** Runs the command in a folder, in an environment, and puts back what it changes of this process. */
export async function runCommand(
  args: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<CommandResult> {
  const said = { stdout: "", stderr: "" };
  const before = { argv: process.argv, env: process.env, cwd: process.cwd(), exitCode: process.exitCode };
  const listeners = process.stdout.listeners("error");
  const capture = (name: "stdout" | "stderr") =>
    jest.spyOn(process[name], "write").mockImplementation(((text: string, ...rest: unknown[]) => {
      said[name] += text;
      const done = rest.at(-1);
      if (typeof done === "function") done();
      return true;
    }) as never);
  const spies = [capture("stdout"), capture("stderr")];
  let status: number | undefined;
  spies.push(
    jest.spyOn(process, "exit").mockImplementation(((code = 0) => {
      status ??= Number(code);
      // What comes after it is not run.
      throw new Exit(status);
    }) as never) as never,
  );
  process.argv = [process.execPath, "visa-image", ...args];
  process.env = { ...environment };
  process.exitCode = undefined;
  try {
    process.chdir(folder);
    await main();
    return { status: status ?? Number(process.exitCode ?? 0), ...said };
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    return { status: error.status, ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.chdir(before.cwd);
    process.argv = before.argv;
    process.env = before.env;
    process.exitCode = before.exitCode;
    for (const listener of process.stdout.listeners("error")) {
      if (!listeners.includes(listener)) process.stdout.removeListener("error", listener as () => void);
    }
  }
}
