/** What lets Packer into the guest: an SSH key made for this build, and the config drive that authorizes it. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunTool } from "./base";

/** Makes `build-key` and `seed/` (the files of an OpenStack config drive) in a scratch folder. */
export async function writeSeed(scratch: string, layer: string, run: RunTool): Promise<void> {
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "visa-image-build", "-f", "build-key"], {
    cwd: scratch,
  });
  const key = (await readFile(join(scratch, "build-key.pub"), "utf8")).trim();
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
