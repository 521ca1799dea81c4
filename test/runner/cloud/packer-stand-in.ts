/** A Packer that builds by a stand-in for a cloud, and two layers for it on an empty disk. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildSpecification } from "../../../lib/specification";
import { specify } from "../../../lib/specify/specify";
import { BaseImage } from "../../../lib/template/base-image";
import { Catalog } from "../../../lib/template/catalog";
import { Provisioner } from "../../../lib/template/provisioner";
import { Template } from "../../../lib/template/template";
import { GUEST_FOLDER } from "../../fixtures/temporary-catalog";

/**
 * Says what Packer says, and has an image made as Nova makes it: with what the parent's image says of itself. With the
 * build's proxy `http://fails` its server is in error, with `http://hangs` its step never ends.
 */
const PACKER = `
const { readFileSync } = require("node:fs");
const [, , command] = process.argv;
if (command === "version") console.log("Packer v1.6.6");
if (command === "build") main();
async function main() {
  const [source] = Object.values(JSON.parse(readFileSync("build.pkr.json", "utf8")).source.openstack);
  const glance = process.env.OS_AUTH_URL.replace("/v3", "/glance/v2/images");
  const headers = { "x-auth-token": "1", "content-type": "application/json" };
  const nova = process.env.OS_AUTH_URL.replace("/v3", "/nova/servers");
  const proxy = process.env.PKR_VAR_proxy;
  console.log("==> openstack.one: Launching server...");
  const fault = proxy === "http://fails" ? { status: "ERROR", fault: { message: "No valid host was found." } } : {};
  const server = { name: source.instance_name, metadata: source.instance_metadata, ...fault };
  const { server: started } = await (await fetch(nova, { method: "POST", headers, body: JSON.stringify({ server }) })).json();
  const parent = await (await fetch(glance + "/" + source.source_image, { headers })).json();
  console.log("    openstack.one: parent " + parent.visa_layer);
  if (proxy === "http://hangs") {
    console.log("==> openstack.one: Connected to SSH!");
    await new Promise((done) => setTimeout(done, 120000));
  }
  if (proxy === "http://fails") {
    console.log("==> openstack.one: Error waiting for server (s-1) to become ready: unexpected state 'ERROR'");
    process.exit(1);
  }
  console.log("==> openstack.one: Connected to SSH!");
  const [, nonce] = /visa-report (\\w+)/.exec(readFileSync("visa-guest-report.sh", "utf8"));
  console.log("    openstack.one: visa-report " + nonce + " end");
  const { id: _, status, name, visa_layer_disk, ...copied } = parent;
  const own = { ...copied, name: source.image_name, ...source.metadata, image_type: "snapshot", os_hidden: false };
  const image = JSON.stringify({ ...own, disk_format: "qcow2", min_disk: 10 });
  const made = await (await fetch(glance, { method: "POST", headers, body: image })).json();
  const octets = { ...headers, "content-type": "application/octet-stream" };
  const body = readFileSync(__dirname + "/made.qcow2");
  await fetch(glance + "/" + made.id + "/file", { method: "PUT", headers: octets, body });
  await fetch(nova + "/" + started.id, { method: "DELETE", headers });
}
`;

/** Writes the program into `bin` of a folder, and the disks that {@link standInSpecification} and it name. */
export function writePackerStandIn(folder: string): void {
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "packer.js"), PACKER);
  const program = `#!/bin/sh\nexec '${process.execPath}' '${join(folder, "packer.js")}' "$@"\n`;
  writeFileSync(join(folder, "bin", "packer"), program, { mode: 0o755 });
  for (const name of ["base.qcow2", "made.qcow2"]) {
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", join(folder, name), "10G"]);
  }
}

/** The layers `one` and `two`. */
export function standInSpecification(folder: string): BuildSpecification {
  const path = join(folder, "base.qcow2");
  const checksum = `sha256:${execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64)}`;
  const catalog = new Catalog([])
    .add(new Template("one", { base: BaseImage.file({ path, checksum, format: "qcow2" }) }))
    .add(new Template("two", { extends: "one", provisioners: [Provisioner.shell({ inline: ["true"] })] }));
  return specify({ catalog, template: "two", environment: {}, guestFolder: GUEST_FOLDER });
}
