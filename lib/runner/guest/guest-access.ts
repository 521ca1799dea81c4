/**
 * How Packer gets into a guest: with an SSH key made for this build, in one of two ways.
 *
 * A config drive is what every image for OpenStack knows, and has cloud-init run, which takes 20 s without KVM. A disk of
 * our own recipe also takes the key from systemd, as a credential in QEMU's firmware configuration, and boots without
 * cloud-init: https://systemd.io/CREDENTIALS.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../../presence";
import type { ArtifactManifest } from "../cache/cache";
import type { RunTool } from "../processes/run-tool";

/** One of the two ways. */
export type GuestAccess = "config-drive" | "credentials";

/** The credentials of systemd that let the build in, each a file of that name in `credentials/`. */
export const CREDENTIALS = ["ssh.authorized_keys.root", "tmpfiles.extra"] as const;

/** The way into a boot of a layer's parent: what its guest said of it, where the template's machine is the usual one. */
export function chooseAccess(
  { login }: Pick<ArtifactManifest, "login">,
  configuration: Readonly<Record<string, unknown>>,
): GuestAccess {
  // The recipe's network is for the card's address that QEMU gives by itself.
  return login === "credentials" && !/\bmac=/.test(JSON.stringify(configuration.source)) ? login : "config-drive";
}

/** The key of a build, in its scratch folder. */
export const BUILD_KEY = ["build-key", "build-key.pub"] as const;

/**
 * Makes `build-key`, unless it is there, and what the run's configuration reads (run-configuration.ts), in a scratch
 * folder. A build that goes on where another one was has that one's key: it is on the disk, where systemd leaves it alone.
 */
export async function writeAccess(access: GuestAccess, scratch: string, layer: string, run: RunTool): Promise<void> {
  const [name, publicName] = BUILD_KEY;
  const key = (await exists(join(scratch, name)))
    ? (await readFile(join(scratch, publicName), "utf8")).trim()
    : await makeKey(name, scratch, run);
  if (access === "credentials") await writeCredentials(key, scratch, run);
  else await writeConfigDrive(key, scratch, layer);
}

async function makeKey(name: string, scratch: string, run: RunTool): Promise<string> {
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "visa-image-build", "-f", name], { cwd: scratch });
  return (await readFile(join(scratch, `${name}.pub`), "utf8")).trim();
}

async function writeCredentials(key: string, scratch: string, run: RunTool): Promise<void> {
  // The disk has no host key, and sshd does not start without one.
  await makeKey("host-key", scratch, run);
  const hostKey = (await readFile(join(scratch, "host-key"))).toString("base64");
  const contents: Record<(typeof CREDENTIALS)[number], string> = {
    "ssh.authorized_keys.root": `${key}\n`,
    "tmpfiles.extra": `f+~ /etc/ssh/ssh_host_ed25519_key 0600 root root - ${hostKey}\n`,
  };
  await mkdir(join(scratch, "credentials"));
  for (const name of CREDENTIALS) await writeFile(join(scratch, "credentials", name), contents[name], { mode: 0o600 });
}

/** The files of an OpenStack config drive, in `seed/`. */
async function writeConfigDrive(key: string, scratch: string, layer: string): Promise<void> {
  const folder = join(scratch, "seed", "openstack", "latest");
  await mkdir(folder, { recursive: true });
  const metadata = {
    // A new instance each time: cloud-init does its first-boot work again on a disk that has seen another build.
    uuid: randomUUID(),
    name: `build-${layer}`,
    hostname: `build-${layer}`.replace(/[^a-z0-9-]/gi, "-"),
    public_keys: {},
  };
  await writeFile(join(folder, "meta_data.json"), JSON.stringify(metadata));
  await writeFile(join(folder, "user_data"), userData(key));
}

/**
 * Lets root in by a key and creates nobody. Not through an entry for root in `users`: that locks root's password.
 * What costs time and is not kept is left out: of cloud-init's modules all but those that grow the file system, name the
 * machine and let the key in, and host keys of four kinds. JSON is YAML, and needs no quoting of ours.
 */
function userData(key: string): string {
  const configuration = {
    disable_root: false,
    users: [],
    ssh_authorized_keys: [key],
    ssh_genkeytypes: ["ed25519"],
    cloud_init_modules: ["growpart", "resizefs", "set_hostname", "ssh"],
    cloud_config_modules: [],
    cloud_final_modules: [],
  };
  return `#cloud-config\n${JSON.stringify(configuration, null, 2)}\n`;
}
