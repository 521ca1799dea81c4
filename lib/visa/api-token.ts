/**
 * Where VISA's address and the token of an administrator come from: the environment alone. Such tokens live for minutes,
 * so they are read when they are needed, and once more when VISA takes one no longer.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ExitCode, VisaImageError } from "../errors";

/** Variables by name, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How long a command that prints a token may take, in milliseconds. */
const COMMAND_TIMEOUT = 60_000;

const TOKEN_FIX =
  "set VISA_API_TOKEN_COMMAND to a command that prints the OIDC access token of a VISA administrator, or VISA_API_TOKEN_FILE, or VISA_API_TOKEN";

/**
 * The folder of the project, from which paths in the environment count: Terraform runs its commands in the stack's folder
 * below cdktf.out. It is the nearest folder above that has a cdktf.json; else the current one.
 */
export function projectFolder(from = process.cwd()): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "cdktf.json"))) return folder;
    if (folder === dirname(folder)) return resolve(from);
  }
}

/** Whether the environment names a VISA. */
export function visaIsKnown(environment: Environment): boolean {
  return Boolean(environment.VISA_API_URL?.trim());
}

/**
 * VISA's address, without `/api` and what follows.
 *
 * @throws VisaImageError where it is not set, or no address
 */
export function visaAddress(environment: Environment): string {
  const text = environment.VISA_API_URL?.trim();
  const fix = "set VISA_API_URL to the address that VISA's page has, for example https://visa.example.org";
  if (!text) throw new VisaImageError("VISA_API_URL is not set", { fix, exitCode: ExitCode.USAGE });
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new VisaImageError("VISA_API_URL is no address of a web server", { fix, exitCode: ExitCode.USAGE });
  }
  const url = new URL(text);
  if (url.username || url.password) {
    throw new VisaImageError("VISA_API_URL has a user or a password in it", {
      fix: TOKEN_FIX,
      exitCode: ExitCode.USAGE,
    });
  }
  return `${url.origin}${url.pathname.replace(/\/(api(\/graphql)?\/?)?$/, "")}`;
}

/** The token of an administrator, read from the environment, a file or a command. */
export class TokenSource {
  private token?: string;

  constructor(private readonly environment: Environment) {}

  /** The token; read once. @throws VisaImageError where there is none */
  async current(): Promise<string> {
    this.token ??= await this.read();
    return this.token;
  }

  /**
   * Reads it again.
   *
   * @returns whether it is another one now
   */
  async renew(): Promise<boolean> {
    const before = this.token;
    this.token = await this.read();
    return this.token !== before;
  }

  /** Whether another one is there for the asking when it has ended. */
  get renews(): boolean {
    const { VISA_API_TOKEN: text, VISA_API_TOKEN_FILE: file } = this.environment;
    return !text?.trim() && !file?.trim();
  }

  /** When it ended, for one that says so and has. */
  get endedAt(): Date | undefined {
    const { endsAt } = this;
    return endsAt && endsAt.getTime() < Date.now() ? endsAt : undefined;
  }

  /** When it ends, for one that says so: tokens of OIDC do. */
  get endsAt(): Date | undefined {
    const payload = this.token?.split(".")[1];
    if (!payload) return undefined;
    try {
      const { exp } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as { readonly exp?: unknown };
      return typeof exp === "number" ? new Date(exp * 1000) : undefined;
    } catch {
      return undefined;
    }
  }

  private async read(): Promise<string> {
    const { VISA_API_TOKEN: text, VISA_API_TOKEN_FILE: file, VISA_API_TOKEN_COMMAND: command } = this.environment;
    if (text?.trim()) return check(text, "VISA_API_TOKEN");
    if (file?.trim()) return check(readToken(resolve(projectFolder(), file.trim())), "the file of VISA_API_TOKEN_FILE");
    if (command?.trim()) return check(await run(command, this.environment), "the command of VISA_API_TOKEN_COMMAND");
    throw new VisaImageError("no token of a VISA administrator is set", { fix: TOKEN_FIX, exitCode: ExitCode.USAGE });
  }
}

function check(text: string, where: string): string {
  const token = text.trim().replace(/^Bearer\s+/i, "");
  // What cannot stand in a header is none, and is not shown: it may be one among other things.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const what = token === "" ? "nothing" : "more than a token";
  throw new VisaImageError(`${where} has ${what} in it`, { fix: TOKEN_FIX, exitCode: ExitCode.USAGE });
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new VisaImageError(`cannot read the file of VISA_API_TOKEN_FILE: ${code}`, {
      fix: `see whether it is there; a relative path counts from the folder of cdktf.json: "${projectFolder()}"`,
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
}

/** What a command prints. Its own errors go to nobody: they may have the token in them. */
function run(command: string, environment: Environment): Promise<string> {
  return new Promise((done, reject) => {
    const fail = (how: string) =>
      reject(
        new VisaImageError(`the command of VISA_API_TOKEN_COMMAND ${how}`, {
          fix: "run it by hand: it has to print a token, and nothing else, and to ask nothing",
          exitCode: ExitCode.USAGE,
        }),
      );
    const child = spawn("/bin/sh", ["-c", command], {
      cwd: projectFolder(),
      env: environment as NodeJS.ProcessEnv,
      stdio: ["ignore", "pipe", "ignore"],
      timeout: COMMAND_TIMEOUT,
    });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    child.once("error", () => fail("cannot be started"));
    child.once("close", (code, signal) => {
      if (code === 0) done(text);
      else fail(signal ? `did not end within ${COMMAND_TIMEOUT / 1000} s` : `failed with exit code ${code}`);
    });
  });
}
