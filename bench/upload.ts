/**
 * The ways of one disk into Glance, side by side: the original's, by the openstack client; the provider's, which `VisaImage`
 * takes by default; and Glance's own, by web-download. With all that a deploy does about it: the copy for the web server,
 * the comparison, the registration.
 */
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { EmbeddedCloud } from "../dev/embedded-cloud/embedded-cloud";
import { Glance } from "../lib/cloud/glance";
import { credentialsFrom } from "../lib/cloud/keystone";
import { packageRoot } from "../lib/package-root";
import { cloudEnvironmentOf, terraformEnvironment } from "../test/integration/terraform-support";
import { type Measured, measure, median } from "./measure";
import { mib, seconds, table } from "./table";

const RUNS = 3;
/** Of the disk, and of what is in use of it, as in the bench's images: a third of that compresses. */
const DISK_MIB = 1024;
const USED_MIB = 275;

/** One way, once. */
interface Run {
  readonly seconds: number;
  readonly sent: number;
  /** The largest of our own processes. */
  readonly memory: number;
}

/** @param scratch an empty folder */
export async function upload(scratch: string): Promise<string> {
  mkdirSync(join(scratch, "www"), { recursive: true });
  const cloud = new EmbeddedCloud(join(scratch, "cloud"), { imports: true });
  await cloud.start();
  const web = await webServer(join(scratch, "www"));
  try {
    return await new Upload(scratch, web).run();
  } finally {
    web.close();
    await cloud.reset();
  }
}

class Upload {
  private readonly env: NodeJS.ProcessEnv;
  private readonly raw: string;
  private readonly qcow2: string;
  private count = 0;

  constructor(
    private readonly scratch: string,
    private readonly web: WebServer,
  ) {
    this.env = terraformEnvironment(cloudEnvironmentOf(join(scratch, "cloud")));
    this.raw = join(scratch, "disk.raw");
    this.qcow2 = join(scratch, "disk.qcow2");
  }

  async run(): Promise<string> {
    await this.makeDisks();
    const ways: readonly (readonly [what: string, way: () => Promise<Run>])[] = [
      ["the openstack client, raw", () => this.client()],
      ["the provider, raw (the default)", () => this.provider(this.raw, "raw")],
      ["the provider, qcow2", () => this.provider(this.qcow2, "qcow2")],
      ["webDownload, raw", () => this.fetched(this.raw, "raw")],
      ["webDownload, qcow2, stored as raw", () => this.fetched(this.qcow2, "qcow2")],
    ];
    const runs = new Map<string, Run[]>(ways.map(([what]) => [what, []]));
    // In turns: what else the machine does then does not fall upon one of them.
    for (let n = 0; n < RUNS; n++) for (const [what, way] of ways) runs.get(what)?.push(await way());
    const time = (what: string) => median((runs.get(what) ?? []).map((each) => each.seconds));
    const [client = 1] = ways.map(([what]) => time(what));
    return table(
      [`one disk of ${DISK_MIB} MiB into Glance (median of ${RUNS})`, "time", "ratio", "sent", "our memory"],
      [...runs].map(([what, all]) => [
        what,
        seconds(time(what)),
        (time(what) / client).toFixed(2),
        mib(Math.max(...all.map(({ sent }) => sent))),
        all[0]?.memory ? mib(Math.max(...all.map(({ memory }) => memory))) : "–",
      ]),
    );
  }

  private async makeDisks(): Promise<void> {
    const script = `
import os, sys
with open(sys.argv[1], "wb") as disk:
    disk.truncate(${DISK_MIB} << 20)
    for n in range(${USED_MIB}):
        disk.seek(n * ${Math.floor(DISK_MIB / USED_MIB)} << 20)
        disk.write(b"%1024d" % n * 1024 if n % 3 == 0 else os.urandom(1 << 20))
`;
    await this.measured("disk", ["python3", "-c", script, this.raw]);
    // As the runner flattens one.
    const options = ["-c", "-o", "compression_type=zstd", "-W", "-m", "2"];
    await this.measured("qcow2", ["qemu-img", "convert", "-O", "qcow2", ...options, this.raw, this.qcow2]);
  }

  private async client(): Promise<Run> {
    const program = ["env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "openstack", "image"];
    const options = ["--disk-format", "raw", "--file", this.raw, "--format", "value", "--column", "id", "client"];
    const made = await this.measured("client", [...program, "create", ...options]);
    await this.remove();
    return { seconds: made.seconds, sent: statSync(this.raw).size, memory: 0 };
  }

  private async provider(disk: string, format: string): Promise<Run> {
    const made = await this.apply(`provider-${format}`, { disk_format: format, local_file_path: disk });
    const registered = await this.register([]);
    await this.remove();
    return {
      seconds: made.seconds + registered.seconds,
      sent: statSync(disk).size,
      memory: registered.maxResidentBytes,
    };
  }

  private async fetched(disk: string, format: string): Promise<Run> {
    const name = `disk.${format}`;
    const to = join(this.scratch, "www", name);
    const url = `${this.web.url}/${name}`;
    const put = await this.ours("put", ["web-download", "put", "--disk", disk, "--to", to, "--url", url, ...MAKE]);
    this.web.sent = 0;
    const made = await this.apply(`web-${format}`, { disk_format: format, image_source_url: url, web_download: true });
    const registered = await this.register(["--sent", disk, "--served", to]);
    await this.remove();
    return {
      seconds: put.seconds + made.seconds + registered.seconds,
      sent: this.web.sent,
      memory: Math.max(put.maxResidentBytes, registered.maxResidentBytes),
    };
  }

  /** Terraform and the provider alone. */
  private async apply(name: string, values: Readonly<Record<string, unknown>>): Promise<Measured> {
    const folder = join(this.scratch, `${++this.count}-${name}`);
    mkdirSync(folder);
    const image = { name, container_format: "bare", hidden: true, ...values, timeouts: { create: "10m" } };
    const source = "terraform-provider-openstack/openstack";
    writeFileSync(
      join(folder, "main.tf.json"),
      JSON.stringify({
        terraform: { required_providers: { openstack: { source } } },
        resource: { openstack_images_image_v2: { image } },
      }),
    );
    await this.measured("init", ["terraform", "init", "-input=false", "-no-color"], folder);
    return this.measured(name, ["terraform", "apply", "-input=false", "-auto-approve", "-no-color"], folder);
  }

  /** What a deploy does then. */
  private async register(more: readonly string[]): Promise<Measured> {
    const [{ id = "" } = {}] = await (await this.glance()).images();
    const lock = join(this.scratch, `${++this.count}.lock.json`);
    const release = ["--release", "0".repeat(12), "--fingerprint", "0".repeat(64), "--template", "bench"];
    const options = ["--file", lock, "--image", "bench/image", "--image-id", id, "--visible", ...release, ...more];
    return this.ours("register", ["lock", "add", ...options]);
  }

  private async remove(): Promise<void> {
    const glance = await this.glance();
    for (const { id } of await glance.images()) await glance.delete(id);
    for (const name of readdirSync(join(this.scratch, "www"))) rmSync(join(this.scratch, "www", name));
  }

  private glance(): Promise<Glance> {
    return Glance.connect(credentialsFrom(this.env));
  }

  private ours(name: string, args: readonly string[]): Promise<Measured> {
    return this.measured(name, [process.execPath, join(packageRoot(), "dist/lib/cli/main.js"), ...args]);
  }

  private async measured(name: string, command: readonly string[], cwd = this.scratch): Promise<Measured> {
    const own = { cwd, folder: this.scratch };
    // What was left to be written is not this one's.
    await measure(["sync"], { ...own, name: "sync" });
    return measure(command, { ...own, name: `${++this.count}-${name}`, env: this.env });
  }
}

/** What an image is known by, which nobody looks up here. */
const MAKE = ["--image", "bench/image", "--release", "0".repeat(12), "--make", "npm run bench"];

/** A folder by HTTP, on loopback. */
interface WebServer {
  readonly url: string;
  /** Bytes that were asked for by GET. */
  sent: number;
  close(): void;
}

async function webServer(folder: string): Promise<WebServer> {
  const server = createServer((request, response) => {
    const file = join(folder, request.url ?? "");
    const { size } = statSync(file);
    response.writeHead(200, { "content-length": size });
    if (request.method === "HEAD") return response.end();
    web.sent += size;
    return createReadStream(file, { highWaterMark: 1 << 20 }).pipe(response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const web: WebServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: 0,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return web;
}
