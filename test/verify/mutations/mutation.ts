/** What a mutation is: one thing wrong with an image, which assertions of the contract must catch. */
import type { BootName, Subject } from "../../../lib/verify/checks/subject";

/** A change of a running guest, and the way back: bash scripts. */
export interface GuestChange {
  readonly break: string;
  readonly mend: string;
}

/** Assertions by their numbers, and what each must say. */
export type Caught = Readonly<Record<number, RegExp>>;

interface Common {
  /** What is wrong, as docs/contract.md says it. */
  readonly what: string;
  /** Whether it is one of those that `npm test` looks at, too. @default false: `npm run test:faults` alone */
  readonly always?: true;
}

/** Done in the running guest, and put back. */
export interface GuestMutation extends Common {
  readonly boot: BootName;
  readonly change: GuestChange | ((subject: Subject) => GuestChange);
  readonly caughtBy: Caught;
  /** Whether it is for the assertion's late look. @default false */
  readonly late?: true;
  /** Whether the assertion has to pass before, too: a home's first desktop takes minutes, and is not what is looked at. @default false */
  readonly lookFirst?: true;
  /** The share of its time that a check gets. @default 0.1: what it waits for does not come */
  readonly patience?: number;
}

/** Done on an overlay of the image's disk, which is then looked at: a script that runs in its root folder. */
export interface DiskMutation extends Common {
  readonly disk: string;
  readonly caughtBy: Caught;
}

/** Done on an overlay of the image's disk, which is then booted: a script that runs in its root folder. */
export interface BootMutation extends Common {
  readonly booted: string;
  readonly caughtOn: Readonly<Partial<Record<BootName, Caught>>>;
}

export type Mutation = GuestMutation | DiskMutation | BootMutation;

/** The assertions that catch it. */
export function assertionsOf(mutation: Mutation): number[] {
  const caught = "caughtOn" in mutation ? Object.values(mutation.caughtOn) : [mutation.caughtBy];
  return caught.flatMap((each) => Object.keys(each).map(Number));
}

/** Where files of the guest are kept until they are put back. */
export const KEPT = "/run/visa-verify/kept";

/** Changes a file by sed's extended commands, each of which has to change something. */
export function edit(file: string, ...commands: readonly string[]): GuestChange {
  const steps = commands.map(
    (command) => `before=$(sha256sum '${file}')
sed -i -E '${command}' '${file}'
[[ $before != "$(sha256sum '${file}')" ]] || { echo '${file} has nothing for: ${command}' >&2; exit 1; }`,
  );
  return { break: [keep(file), ...steps].join("\n"), mend: putBack(file) };
}

/** Changes a file by a script, or what it is: contents, owner and modes are put back. */
export function alter(file: string, script: string): GuestChange {
  return { break: `${keep(file)}\n${script}`, mend: putBack(file) };
}

/** Makes a file that is not there. */
export function add(file: string, text: string): GuestChange {
  return {
    break: `[[ ! -e '${file}' ]]
mkdir -p "$(dirname '${file}')"
cat > '${file}' <<'END_OF_FILE'
${text}
END_OF_FILE`,
    mend: `rm '${file}'`,
  };
}

/** Takes a file or folder away. */
export function remove(path: string): GuestChange {
  return { break: `mv '${path}' '${path}.away'`, mend: `mv '${path}.away' '${path}'` };
}

/** Listens on a port until it is put back: `tcp` or `udp`. */
export function listener(kind: "tcp" | "udp", address: string, port: number): GuestChange {
  const unit = `visa-mutation-${port}`;
  const type = kind === "tcp" ? "STREAM" : "DGRAM";
  const program = [
    "import socket, time",
    `s = socket.socket(socket.AF_INET, socket.SOCK_${type})`,
    `s.bind(('${address}', ${port}))`,
    ...(kind === "tcp" ? ["s.listen()"] : []),
    "time.sleep(3600)",
  ].join("; ");
  return {
    break: `systemd-run --quiet --collect --unit=${unit} python3 -c "${program}"
${untilListening(kind, port)}`,
    mend: `systemctl stop ${unit}`,
  };
}

/** Waits for a listener in the guest, 30 seconds at most: a socket without a peer. Connections that have ended are listed too. */
export function untilListening(kind: "tcp" | "udp", port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const look = `grep -qE ':${hex} [0-9A-F]+:0000 ' /proc/net/${kind} /proc/net/${kind}6`;
  return `for try in $(seq 300); do ${look} && break; sleep 0.1; done\n${look}`;
}

/** Several changes, put back in the other order. */
export function all(...changes: readonly GuestChange[]): GuestChange {
  return {
    break: changes.map((change) => change.break).join("\n"),
    mend: [...changes]
      .reverse()
      .map((change) => change.mend)
      .join("\n"),
  };
}

/** A change, with what makes it count each time, such as the restart of a service. */
export function then(change: GuestChange, script: string): GuestChange {
  return { break: `${change.break}\n${script}`, mend: `${change.mend}\n${script}` };
}

function keep(file: string): string {
  return `mkdir -p ${KEPT}\ncp -a --parents '${file}' ${KEPT}`;
}

function putBack(file: string): string {
  return `cp -a '${KEPT}${file}' '${file}'`;
}
