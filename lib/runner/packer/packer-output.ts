/** Reads what Packer prints: the steps of a build, and what is worth showing of one that failed. */

/** What a line of Packer says about the progress of a build. */
export type PackerEvent =
  | { readonly kind: "step"; readonly label: string }
  | { readonly kind: "detail"; readonly label: string }
  | { readonly kind: "screen"; readonly address: string }
  /** For the address that was told just before. */
  | { readonly kind: "password"; readonly password: string }
  /** Of the step that comes next, as its template has it: `3s`. */
  | { readonly kind: "timeout"; readonly timeout: string };

/** What a line says, `undefined` for most of them. */
export function packerEvent(line: string): PackerEvent | undefined {
  const text = /^==> [^:]+: (.*)$/.exec(line)?.[1];
  if (text === undefined) {
    const password = /^ {4}[\w.-]+: with the password: (\w+)$/.exec(line)?.[1];
    return password === undefined ? screen(line) : { kind: "password", password };
  }
  const script = /^Provisioning with shell script: (.*)$/.exec(text)?.[1];
  if (script) return { kind: "step", label: /\/packer-shell\d+$/.test(script) ? "inline commands" : script };
  const upload = /^Uploading (.*) => (.*)$/.exec(text);
  if (upload) return { kind: "step", label: `copying ${upload[1]}` };
  const other = /^Provisioning with ([^.]*)/.exec(text)?.[1];
  if (other) return { kind: "step", label: `provisioning with ${other}` };
  const timeout = /^Setting a (\S+) timeout for the next provisioner/.exec(text)?.[1];
  if (timeout) return { kind: "timeout", timeout };
  const shown = screen(text);
  if (shown) return shown;
  if (/^(Waiting for SSH|Connected to SSH|Gracefully halting|Starting VM|Waiting for shutdown)/.test(text)) {
    return { kind: "detail", label: text.replace(/[.!]+$/, "") };
  }
  // Of the builder for OpenStack: without the ids.
  const [cloud] =
    /^(Launching server|Waiting for server to become ready|Stopping server|Creating the image|Waiting for image)/.exec(
      text,
    ) ?? [];
  if (cloud) return { kind: "detail", label: cloud };
  return undefined;
}

/** Packer 1.6 shows the number of the display (`:48`) as if it were a port. */
function screen(text: string): PackerEvent | undefined {
  const match = /\bvnc:\/\/([\w.-]+|\[[0-9a-f:]+\]):(\d+)/i.exec(text);
  if (!match) return undefined;
  const port = Number(match[2]);
  return { kind: "screen", address: `vnc://${match[1]}:${port < 1000 ? 5900 + port : port}` };
}

/** How many `step` events a configuration will give. */
export function countSteps(configuration: Readonly<Record<string, unknown>>): number {
  let count = 0;
  for (const build of list(configuration.build)) {
    for (const provisioner of list((build as Record<string, unknown>).provisioner)) {
      for (const [type, settings] of Object.entries(provisioner as Record<string, unknown>)) {
        for (const one of list(settings)) {
          const { scripts, sources } = one as { scripts?: unknown; sources?: unknown };
          const many = type === "shell" ? scripts : type === "file" ? sources : undefined;
          count += Array.isArray(many) ? many.length : 1;
        }
      }
    }
  }
  return count;
}

/** What Packer says while it cleans up after a failure, and what the runner writes into the log. */
const NOISE =
  /^(==> |--> )?([\w.-]+: )?(Provisioning step had errors|Deleting output directory|Terminating the source server|aborted: skipping cleanup|Step "\w+" failed|Cancelling build|Wait completed|Some builds didn't|Builds finished but|Cleaning up|Running the cleanup|checkpoint \d+, after |the disk was frozen |no checkpoint \d+: )/;

/**
 * Of the lines of a failed build, those that say why: the end of what the step that failed printed, and Packer's error.
 */
export function relevantLines(lines: readonly string[]): string[] {
  const useful = lines.filter((line) => line.trim() && !NOISE.test(line));
  const errored = useful.findIndex((line) => /^Build '.*' errored/.test(line));
  const all = errored < 0 ? useful : useful.slice(0, errored);
  const step = all.findLastIndex((line) => {
    const event = packerEvent(line);
    return event?.kind === "step" || event?.kind === "detail";
  });
  // Before the first step it is only Packer itself that has something to say.
  const before = step < 0 ? all.filter((line) => !line.startsWith("    ")) : all.slice(step);
  // Packer tells an error when it happens, and again in a list at its end.
  const told = new Set<string>();
  const result: string[] = [];
  for (const line of [...before.slice(-15), ...(errored < 0 ? [] : useful.slice(errored, errored + 10))]) {
    const text = line
      .replace(/^(==> |--> |\* | {4})/, "")
      .replace(/^[\w-]+\.[\w-]+: /, "")
      // The runner has what that log would say (qemu-words.ts).
      .replace(/ Please run with PACKER_LOG=1 to get more info\./, "")
      .trimEnd();
    const key = text.replace(/^Build '.*' errored( after [^:]*)?: /, "");
    if (told.has(key)) continue;
    told.add(key);
    result.push(text);
  }
  return result;
}

/** What to do about a failed build; nothing where its lines speak for themselves. */
export function remedy(lines: readonly string[]): string | undefined {
  const some = (pattern: RegExp) => lines.some((line) => pattern.test(line));
  if (some(/No space left on device/)) return "the guest's disk is full: give the template a larger disk_size_gb";
  if (some(/scp: .*: (?:Is|Not) a directory|scp: .*\/\.: No such file or directory/)) {
    return 'a destination that is a folder ends in "/" where a file is copied; the content of a folder ("source: folder/") goes into one that is there: make it in a step before';
  }
  return undefined;
}

/**
 * Of what `packer validate` says, the errors: without its warnings, and with places that a person knows.
 *
 * @param placeOf where the template has what stands on a line of the configuration, which nobody wrote
 */
export function validationErrors(
  lines: readonly string[],
  placeOf: (line: number) => string | undefined = () => undefined,
): string[] {
  let inError = false;
  const errors = lines.filter((line) => {
    const kind = /^(Error|Warning): /.exec(line)?.[1];
    if (kind) inError = kind === "Error";
    return inError && line.trim() && !/^ +\(source code not available\)/.test(line);
  });
  const told = errors.length > 0 ? errors : lines.filter((line) => line.trim()).slice(-15);
  return told.flatMap((line) => {
    const [, before = "", number, after = ""] =
      /^( +on )?build\.pkr\.json(?: line |:)(\d+)[\d,-]*:(.*)$/.exec(line) ?? [];
    if (number === undefined) return [line];
    const place = placeOf(Number(number));
    if (place) return [`${before}${place}:${after}`];
    return before ? [] : [after.trim()];
  });
}

/**
 * Whether Packer ended a build because a step's time was up. It means to say so ("Cancelling provisioner after a timeout"),
 * and is now and then done with the build before it does.
 */
export function endedByTimeout(lines: readonly string[]): boolean {
  return (
    lines.some((line) => /^Build '.*' errored.*: context (canceled|deadline exceeded)/.test(line)) &&
    !lines.some((line) => /Cancelling build after receiving/.test(line))
  );
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}
