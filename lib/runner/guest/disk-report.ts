/**
 * What a disk itself tells, where no guest has: of a base that comes as a file, whether a boot of it lets a build in by
 * systemd's credentials. Its file system is read with debugfs, so nothing is mounted and root is not needed.
 */
import type { RunTool } from "../processes/run-tool";
import { TAKES_CREDENTIALS } from "./guest-report";

/** Copies from each partition what the question is about; one that is no ext4 gives nothing. Fails where none does. */
const SCRIPT = `${TAKES_CREDENTIALS}
set -eu
trap 'rm -rf look.raw look' EXIT
qemu-img convert -f qcow2 -O raw "$1" look.raw
for start in $(partx --raw --noheadings --output START look.raw); do
  rm -rf look && mkdir -p look/etc look/usr/lib
  image="look.raw?offset=$((start * 512))"
  debugfs -R 'rdump /etc/cloud /etc/systemd look/etc' "$image" >/dev/null 2>&1 </dev/null || continue
  debugfs -R 'rdump /usr/lib/tmpfiles.d look/usr/lib' "$image" >/dev/null 2>&1 </dev/null || continue
  if takes_credentials look; then exit 0; fi
done
exit 1
`;

/**
 * Whether a boot of a disk takes credentials; false where that cannot be found out, for there is the config drive, which
 * every disk takes.
 *
 * @param disk a qcow2 file of known contents: what is in it is unpacked
 * @param scratch an existing folder, for a raw copy of the disk
 */
export async function takesCredentials(disk: string, scratch: string, run: RunTool): Promise<boolean> {
  return run("bash", ["-c", SCRIPT, "look", disk], { cwd: scratch }).then(
    () => true,
    () => false,
  );
}
