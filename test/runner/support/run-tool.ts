import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { RunTool } from "../../../lib/runner/processes/run-tool";

/** As the runner's: the exit code and the last lines are in the message. */
export const runTool: RunTool = async (command, args, { env } = {}) => {
  try {
    await promisify(execFile)(command, [...args], { env: { ...process.env, ...env } });
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    throw new Error(`"${command}" failed with exit code ${code}:\n${stderr}`);
  }
};
