/** Asks VISA before anything is built whether the result can be registered there, so that a mistake costs no build. */
import { ExitCode, VisaImageError, withoutFix } from "../errors";
import type { Environment } from "./api-token";
import { VisaError } from "./graphql";
import { VisaClient } from "./visa-client";

/** The first version whose API is where this package asks: /api/graphql. */
const FIRST_MAJOR = 3;

/** A token that ends within so many minutes does so before many a build. */
const SHORT_MINUTES = 60;

/** What {@link askVisaFirst} is told. */
export interface AskFirstOptions {
  /** @default process.env */
  readonly environment?: Environment;
  /** Told what was found, and of what may be in the way later. */
  readonly onMessage?: (text: string) => void;
}

/**
 * Asks VISA for its version, and who the token is. That the token is taken now is no promise: it may live for minutes, and
 * is read again when the image is registered.
 *
 * A VISA that is away is no error: until the image is there it may be back, and the image is worth having in Glance.
 *
 * @throws VisaImageError where the environment names no VISA or no token, what answers is not VISA or too old, VISA does
 *   not take the token, or it is not an administrator's
 */
export async function askVisaFirst({
  environment = process.env,
  onMessage = () => {},
}: AskFirstOptions = {}): Promise<void> {
  let client: VisaClient | undefined;
  try {
    client = new VisaClient({ environment, timeoutMs: 30_000 });
    const version = await client.version();
    checkVersion(version);
    await client.checkRole();
    onMessage(`VISA ${version} takes the token; it is read again when the image is registered${endOf(client)}`);
  } catch (error) {
    if (!(error instanceof VisaImageError)) throw error;
    const what = withoutFix(error.message);
    if (isAway(error)) {
      onMessage(`VISA cannot be asked now, and is asked again when the image is registered: ${what}`);
      return;
    }
    throw new VisaImageError(`${what}; nothing was built`, {
      fix: `${error.fix ?? "see docs/visa.md"} (it is read again when the image is registered)`,
      exitCode: error.exitCode,
      cause: error,
    });
  } finally {
    await client?.close();
  }
}

/** @throws VisaImageError where it is older than the API that is asked; what is no number is taken for a new one */
function checkVersion(version: string): void {
  const major = Number(/^v?(\d+)\./.exec(version)?.[1] ?? FIRST_MAJOR);
  if (major >= FIRST_MAJOR) return;
  throw new VisaImageError(`VISA is version ${version}; its entries are kept from ${FIRST_MAJOR}.0 on`, {
    fix: "bring VISA up to date, or take the VisaRegistration out of the stack and register by hand",
    exitCode: ExitCode.USAGE,
  });
}

/** Whether nobody answered, or what stands before a VISA that is down. */
function isAway(error: VisaImageError): boolean {
  if (!(error instanceof VisaError)) return false;
  if (error.status !== undefined) return error.status >= 500;
  return error.outcome === "not sent" || error.outcome === "lost";
}

/** A word about a token that ends soon, where it says when. */
function endOf({ connection }: VisaClient): string {
  const { endsAt, renews } = connection.tokens;
  if (!endsAt || renews || endsAt.getTime() > Date.now() + SHORT_MINUTES * 60_000) return "";
  return `. This one ends at ${endsAt.toISOString()}, perhaps before the build: VISA_API_TOKEN_COMMAND would be asked for another`;
}
