/** `visa-image fleet`: which servers run on which release. */
import { ExitCode } from "../errors";
import { askFleet } from "../fleet/ask";
import { FLEET_VERSION, type Fleet } from "../fleet/fleet";
import { fleetHeadline, fleetText } from "../fleet/text";

/** Options of the command. */
export interface FleetCommandOptions {
  readonly lockFile: string;
  readonly all?: true;
  readonly json?: true;
}

/** Runs the command. */
export async function runFleet(names: readonly string[], { lockFile, all, json }: FleetCommandOptions): Promise<void> {
  const fleet = await askFleet({ lockFile, names });
  const report = { version: FLEET_VERSION, headline: fleetHeadline(fleet), ...fleet };
  process.stdout.write(json ? `${JSON.stringify(report, undefined, 2)}\n` : fleetText(fleet, { all }));
  process.exitCode = exitCodeOf(fleet);
}

/** What is not known is no good news for a cron job either. */
function exitCodeOf({ images, clouds }: Fleet): number {
  const revoked = images.flatMap(({ releases }) => releases.filter(({ state }) => state === "revoked"));
  if (revoked.some(({ servers, shown }) => servers.length > 0 || shown)) return ExitCode.STALE;
  return clouds.some(({ servers }) => servers === "unknown") ? ExitCode.FAILURE : 0;
}
