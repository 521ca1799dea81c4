/** Options of every provisioner. */
export interface CommonProvisionerOptions {
  /** A duration such as "10s" to wait before it runs. */
  readonly pauseBefore?: string;
  /** A duration after which it fails. */
  readonly timeout?: string;
  /** How often it is tried again when it fails. @default 0 */
  readonly maxRetries?: number;
  /**
   * `false`: what comes after needs this step to have run since the machine was started, so a build goes on from no
   * checkpoint after it, up to a step that says `true` (docs/checkpoints.md).
   * @default - as the step before; true for the first one
   */
  readonly resume?: boolean;
}

/** Options of {@link Provisioner.shell}: give one of `inline`, `script` and `scripts`. */
export interface ShellOptions extends CommonProvisionerOptions {
  /** Commands. */
  readonly inline?: string | readonly string[];
  /** A script, relative to the template's folder. */
  readonly script?: string;
  readonly scripts?: readonly string[];
  /** Its environment; values may hold `{{ variable }}`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How the script is run, in Packer's words. @default Packer's own: made executable and started as root */
  readonly executeCommand?: string;
  /** Whether the guest may reboot in it. @default false */
  readonly expectDisconnect?: boolean;
}

/** Options of {@link Provisioner.file}. */
export interface FileOptions extends CommonProvisionerOptions {
  /** A file or folder, relative to the template's folder; with a `/` at its end only what is in the folder is copied. */
  readonly source: string;
  /** Absolute path in the guest. */
  readonly destination: string;
  /**
   * What of a folder is not copied, as patterns like those of .gitignore, from that folder: `*.bak`, `docs/`; `!` takes
   * something back. @default - what the template leaves out
   */
  readonly exclude?: readonly string[];
}

/** A step of a build, made in TypeScript; a manifest.yml says the same in Packer's words. */
export class Provisioner {
  /** Runs commands or scripts in the guest, as root. */
  static shell(options: ShellOptions): Provisioner {
    const { inline, script, scripts, environment, executeCommand, expectDisconnect } = options;
    return new Provisioner("shell", {
      ...common(options),
      inline,
      script,
      scripts,
      environment_vars: environment && Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      execute_command: executeCommand,
      expect_disconnect: expectDisconnect,
    });
  }

  /** Copies a file or a folder into the guest. */
  static file(options: FileOptions): Provisioner {
    const { source, destination, exclude } = options;
    return new Provisioner("file", { ...common(options), source, destination, exclude });
  }

  /** Any provisioner that a manifest.yml can hold, with Packer's own keys. */
  static of(type: string, settings: Readonly<Record<string, unknown>>): Provisioner {
    return new Provisioner(type, settings);
  }

  /** Packer's keys and values; nothing is left in it that is undefined. */
  readonly settings: Readonly<Record<string, unknown>>;

  private constructor(
    /** Packer's name of the type. */
    readonly type: string,
    settings: Readonly<Record<string, unknown>>,
  ) {
    this.settings = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  }
}

function common({ pauseBefore, timeout, maxRetries, resume }: CommonProvisionerOptions): Record<string, unknown> {
  return { pause_before: pauseBefore, timeout, max_retries: maxRetries, resume };
}
