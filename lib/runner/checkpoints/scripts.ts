/** The two steps by which a run of Packer stops for a checkpoint; each is told its number as VISA_CHECKPOINT. */

/** Their scripts in the scratch folder. */
export const CHECKPOINT_SCRIPTS = { guest: "visa-checkpoint.sh", wait: "visa-checkpoint-wait.sh" } as const;

/** What the guest says. */
export interface GuestAnswer {
  readonly number: number;
  /** What a step has left where a restart takes it away; empty for nothing. */
  readonly left: string;
}

/**
 * In the guest: what it has in memory goes to its disk. Then it says so, and what would be lost all the same: a file that a
 * step left in /tmp, which is emptied when the machine starts. None of this fails.
 *
 * @param nonce what only this run's own steps know
 */
export function guestScript(nonce: string): string {
  return `#!/bin/sh
left=$(find /tmp /dev/shm -mindepth 1 -maxdepth 1 ! -path "$0" ! -name 'systemd-private-*' ! -name '.*-unix' 2>/dev/null |
  sort | head -n 1)
[ -n "$left" ] || sync
printf 'visa-checkpoint ${nonce} %s %s\\n' "$VISA_CHECKPOINT" "$left"
exit 0
`;
}

/** What the guest said, in a line of Packer's; nothing for other lines. */
export function readGuestAnswer(line: string, nonce: string): GuestAnswer | undefined {
  const [, found, number, left = ""] = /^(?: {4}[\w.-]+: )?visa-checkpoint (\w+) (\d+) ?(.*)$/.exec(line) ?? [];
  return found === nonce ? { number: Number(number), left: left.trim() } : undefined;
}

/** A file in the scratch folder that lets Packer go on. */
export function doneFile(number: number): string {
  return `checkpoint-${number}.done`;
}

/** A file in the scratch folder that is there where Packer went on by itself: what is frozen then is of no use. */
export function lateFile(number: number): string {
  return `checkpoint-${number}.late`;
}

/** How long Packer waits, in seconds. It takes milliseconds. */
const WAIT_SECONDS = 60;

/** On this machine: Packer waits here. A build does not fail for want of a checkpoint, so it does not wait for ever. */
export function waitScript(): string {
  return `#!/bin/sh
tries=0
until [ -e "checkpoint-$VISA_CHECKPOINT.done" ]; do
  tries=$((tries + 1))
  if [ $tries -gt ${WAIT_SECONDS * 20} ]; then
    : >"checkpoint-$VISA_CHECKPOINT.late"
    exit 0
  fi
  sleep 0.05
done
`;
}
