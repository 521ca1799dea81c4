/** Runs a template's script as root would run it in a guest, with an /etc, /usr/local and /var/tmp of its own. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const templates = join(__dirname, "../../../templates");
/** Where they are while a script runs. */
const TEMPLATES = "/mnt";

/** What the scripts and the programs that they start find in /etc. */
const ETC = [
  ...["passwd", "group", "nsswitch.conf", "ld.so.cache", "alternatives", "fstab", "environment", "default", "pam.d"],
  ...["apt", "ssl", "ca-certificates", "ca-certificates.conf"],
];

/** What a script did. */
export interface Outcome {
  readonly status: number | null;
  /** Standard output and standard error. */
  readonly text: string;
}

/** A folder with a copy of /etc, in the place of the real one while a script runs. Remove it with {@link Sandbox.remove}. */
export class Sandbox {
  readonly folder = mkdtempSync(join(tmpdir(), "visa-sandbox-"));
  private readonly stubs = join(this.folder, "local", "sbin");

  /** @param template the template whose files lie in the guest, as its manifest puts them there */
  constructor(template: string) {
    for (const name of ["local/sbin", "tmp", "pam-configs", "run"]) {
      mkdirSync(join(this.folder, name), { recursive: true });
    }
    mkdirSync(join(this.folder, "etc"));
    // What is missing on this machine, or not for an ordinary user to read, is of no use here.
    const copied = ETC.map((name) => join("/etc", name));
    spawnSync("cp", ["-a", ...copied, join(this.folder, "etc")]);
    const build = join(this.folder, "tmp", "visa-build");
    mkdirSync(build);
    for (const part of ["features", "files", "login"]) {
      const source = join(templates, template, part);
      if (existsSync(source)) cpSync(source, join(build, part), { recursive: true });
    }
    // What installs packages and talks to the running system is written down, no more.
    for (const name of ["apt-get", "systemctl"]) this.stub(name, `echo "${name} $*" >>"$VISA_CALLS"`);
  }

  /** Puts a program in front of all others, into /usr/local/sbin. */
  stub(name: string, script: string): void {
    const file = join(this.stubs, name);
    writeFileSync(file, `#!/bin/bash\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** Runs bash with a script of the templates, or with `-c`. */
  run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Outcome {
    const root = process.getuid?.() === 0 ? [] : ["--map-root-user"];
    const mounts = [
      // First, since the checkout itself may lie below one of the others.
      [templates, TEMPLATES],
      ["etc", "/etc"],
      ["local", "/usr/local"],
      ["tmp", "/var/tmp"],
      ["run", "/run"],
      ["pam-configs", "/usr/share/pam-configs"],
    ];
    const prepare = mounts
      .map(([from, to]) => `mount --bind ${resolve(this.folder, from as string)} ${to}`)
      .join(" && ");
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["--mount", ...root, "bash", "-c", `${prepare} && cd / && exec bash "$@"`, "bash", ...args],
      {
        encoding: "utf8",
        // Bash takes a socket for a login from afar, and would read the host's start files.
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          PATH: "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
          VISA_CALLS: join(this.folder, "calls"),
          ...environment,
        },
      },
    );
    return { status, text: `${stdout}${stderr}` };
  }

  /** Runs a script of a template, by its path below templates/. */
  script(path: string, environment: Readonly<Record<string, string>> = {}): Outcome {
    return this.run([join(TEMPLATES, path)], environment);
  }

  /** Where a file of /etc, /run, /usr/local, /usr/share/pam-configs or /var/tmp really is. */
  path(path: string): string {
    return join(this.folder, path.replace(/^\/usr\/(share\/)?/, "/").replace(/^\/var\//, "/"));
  }

  /** The text of such a file; empty where there is none. */
  read(path: string): string {
    return existsSync(this.path(path)) ? readFileSync(this.path(path), "utf8") : "";
  }

  /** The calls of programs that were written down. */
  calls(): string[] {
    const file = join(this.folder, "calls");
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** As the manifests hand texts of several lines to scripts. */
export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
