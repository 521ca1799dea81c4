/** A PostgreSQL server for a test: Debian's, in a folder of its own, on a Unix socket, with a password. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Where Debian and Ubuntu put the programs of each version. */
const VERSIONS = "/usr/lib/postgresql";

/** PostgreSQL refuses to run as root. */
const AS_NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"];

/** A running server. */
export class PostgresServer {
  readonly folder = mkdtempSync(join(tmpdir(), "visa-pg-"));
  private readonly password = randomBytes(16).toString("hex");
  private server?: ChildProcess;

  /** What leads a client to its database: libpq's variables. */
  get environment() {
    return {
      PGHOST: this.folder,
      PGDATABASE: "postgres",
      PGUSER: "administrators",
      PGPASSWORD: this.password,
      PGSSLMODE: "disable",
    } as const;
  }

  /** Makes a cluster and serves it. */
  async start(): Promise<void> {
    const data = join(this.folder, "data");
    const passwordFile = join(this.folder, "password");
    writeFileSync(passwordFile, this.password);
    // The one of a folder below /tmp that nobody else needs to enter; its password keeps others out.
    chmodSync(this.folder, 0o755);
    if (process.getuid?.() === 0) execFileSync("chown", ["-R", "nobody:nogroup", this.folder]);
    const initial = ["-D", data, "-U", this.environment.PGUSER, `--pwfile=${passwordFile}`];
    execFileSync(
      ...this.command("initdb", ...initial, "--auth=scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8"),
      {
        cwd: "/",
        stdio: "pipe",
      },
    );
    rmSync(passwordFile);
    const settings = ["listen_addresses=", `unix_socket_directories=${this.folder}`, "fsync=off"];
    const [program, args] = this.command("postgres", "-D", data, ...settings.flatMap((each) => ["-c", each]));
    this.server = spawn(program, args, { cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    this.server.stderr?.on("data", (chunk: Buffer) => {
      said += chunk;
    });
    for (let tries = 0; spawnSync(...this.command("pg_isready", "-q", "-h", this.folder)).status !== 0; tries++) {
      if (this.server.exitCode !== null || tries > 200) throw new Error(`PostgreSQL did not start:\n${said}`);
      await sleep(50);
    }
  }

  /** The first column of the first row of a query. */
  ask(query: string): string {
    const [program, args] = this.command("psql", "-X", "-A", "-t", "-c", query);
    return execFileSync(program, args, { encoding: "utf8", env: { ...process.env, ...this.environment } }).trim();
  }

  /** Ends it, and removes all that it kept. */
  async stop(): Promise<void> {
    const { server } = this;
    if (server && server.exitCode === null) {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      // Its fast shutdown: it does not wait for clients.
      server.kill("SIGINT");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private command(program: string, ...args: string[]): [string, string[]] {
    const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
    const newest = versions
      .map(Number)
      .sort((a, b) => a - b)
      .at(-1);
    if (!newest) throw new Error("PostgreSQL is not installed: run `dev/setup --full` first");
    const command = [
      ...(process.getuid?.() === 0 ? AS_NOBODY : []),
      join(VERSIONS, String(newest), "bin", program),
      ...args,
    ];
    return [command[0] as string, command.slice(1)];
  }
}
