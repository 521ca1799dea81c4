/**
 * Where the file steps of a template put things in the guest, by Packer's rules: a file goes to its destination, or into
 * the folder where that ends in `/`; a folder goes into a destination that is there, or becomes it. What these rules
 * cannot do is told here as far as it is known, rather than by scp in the guest.
 */
import { posix } from "node:path";

/** Folders of each system, and the one that the build makes. */
const FOLDERS = `/ /bin /boot /dev /etc /etc/apt /etc/apt/sources.list.d /etc/profile.d /etc/skel /etc/ssh /etc/systemd
  /etc/systemd/system /home /lib /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr /usr/bin /usr/lib /usr/local
  /usr/local/bin /usr/local/lib /usr/local/sbin /usr/local/share /usr/sbin /usr/share /var /var/lib /var/log /var/tmp
  /var/tmp/visa-build`.split(/\s+/);

/** What is copied. */
export interface CopySource {
  /** Its name is that of the copy where the destination is a folder. */
  readonly path: string;
  readonly kind: "file" | "folder";
}

/** What cannot be copied, and what to do. */
export interface CopyProblem {
  readonly what: string;
  readonly fix: string;
}

/** What is known of the guest's paths while the steps of a template are gone through. */
export class Destinations {
  private known = new Map<string, "file" | "folder">();

  constructor() {
    this.forget();
  }

  /** A step's own program may have changed what earlier ones have put there. */
  forget(): void {
    this.known = new Map(FOLDERS.map((path) => [path, "folder"]));
  }

  /** Notes a copy. @returns why it cannot be made, if that is known */
  copy({ path, kind }: CopySource, destination: string): CopyProblem | undefined {
    const end = clean(destination);
    const into = kind === "file" && destination.endsWith("/");
    const target = into ? posix.join(end, posix.basename(path)) : end;
    if (kind === "file" && this.known.get(target) === "folder") {
      return {
        what: `"${target}" is a folder, where a file is to be copied to`,
        fix: `"destination: ${target}/" copies it into the folder, with its own name`,
      };
    }
    if ((kind === "folder" || into) && this.known.get(end) === "file") {
      return {
        what: `"${end}" is a file of an earlier step, where a folder is needed`,
        fix: "choose another destination for one of the two",
      };
    }
    this.known.set(target, kind);
    for (let above = posix.dirname(target); above.length > 1; above = posix.dirname(above)) {
      this.known.set(above, "folder");
    }
    return undefined;
  }
}

/** A path without what changes nothing in it. */
function clean(path: string): string {
  return posix.join(path, ".").replace(/(?<=.)\/$/, "");
}
