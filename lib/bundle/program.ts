/** `node installer visa-bundle.tar`: installs an archive where nothing of npm's is there yet. */
import { resolve } from "node:path";
import { ExitCode, fileError, usageError, VisaImageError } from "../errors";
import { Cache, cacheRoot } from "../runner/cache/cache";
import { installBundle } from "./install-bundle";
import { nextSteps } from "./say-installed";
import { untilStopped } from "./stopped";

async function main([archive, ...more]: readonly string[]): Promise<void> {
  if (archive === undefined || archive.startsWith("-") || more.length > 0) {
    throw usageError("the archive is not named", undefined, "node installer visa-bundle.tar");
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const cache = new Cache(cacheRoot());
  const installed = await untilStopped((signal) => installBundle(resolve(archive), { cache, signal, say }));
  process.stdout.write(nextSteps(installed));
}

main(process.argv.slice(2)).catch((thrown: unknown) => {
  const error = thrown instanceof VisaImageError ? thrown : (fileError(thrown) ?? thrown);
  process.stderr.write(`visa-image: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof VisaImageError ? error.exitCode : ExitCode.FAILURE;
});
