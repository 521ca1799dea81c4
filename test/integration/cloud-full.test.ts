/**
 * The embedded cloud in full size: `visa-infrastructure` on it, whose instance Nova boots from the tiny guest.
 *
 * It needs root and the packages of `dev/setup --full`, which `npm run test:faults` sets up; without them it fails and says so.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { App } from "cdktf";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { call } from "../../dev/embedded-cloud/http";
import { MEMBER_CLOUD_NAME } from "../../dev/embedded-cloud/settings";
import { VisaInfrastructureStack } from "../../stacks/visa-infrastructure";
import { FULL } from "../support/full";
import { tinyGuest } from "../support/tiny-guest/tiny-guest";
import { cloudEnvironmentOf, TerraformFolder } from "./terraform-support";

jest.setTimeout(30 * 60_000);

/** Two starts of the cloud, and a guest without KVM: minutes. */
const whenFull = FULL ? describe : describe.skip;

const scratch = mkdtempSync(join(tmpdir(), "visa-full-"));
const folder = join(scratch, "cloud");
const cloud = new EmbeddedCloud(folder);

afterAll(async () => {
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: OpenStack's answers have no type here
type Json = any;

/** A client of the cloud's APIs, as one of its users. */
class Client {
  private constructor(
    private readonly token: string,
    private readonly endpoints: Readonly<Record<string, string>>,
  ) {}

  static async of(name: string): Promise<Client> {
    const { auth } = JSON.parse(readFileSync(join(folder, "clouds.yaml"), "utf8")).clouds[name];
    const domain = { name: "Default" };
    const user = { name: auth.username, password: auth.password, domain };
    const answer = await call("POST", `${auth.auth_url}/auth/tokens`, {
      body: {
        auth: {
          identity: { methods: ["password"], password: { user } },
          scope: { project: { name: auth.project_name, domain } },
        },
      },
    });
    const { catalog } = (answer.body as Json).token;
    const endpoints = catalog.map((one: Json) => [one.type, one.endpoints[0].url]);
    return new Client(answer.headers["x-subject-token"] as string, Object.fromEntries(endpoints));
  }

  async send(method: string, type: string, path: string, body?: unknown): Promise<Json> {
    const answer = await call(method, `${this.endpoints[type]}${path}`, { token: this.token, body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Puts a file of the tiny guest into Glance, for all to use. */
  async upload(file: string, properties: Readonly<Record<string, string>>): Promise<string> {
    const image = { name: file, visibility: "public", ...properties };
    const { id } = await this.send("POST", "image", "/v2/images", image);
    const headers = [`x-auth-token: ${this.token}`, "content-type: application/octet-stream"];
    execFileSync("curl", [
      ...["--silent", "--show-error", "--fail", "--noproxy", "*", "--upload-file", join(tinyGuest(), file)],
      ...headers.flatMap((header) => ["--header", header]),
      `${this.endpoints.image}/v2/images/${id}/file`,
    ]);
    return id;
  }

  /** What a server has written on its console, once that says something. */
  async console(server: string, words: RegExp): Promise<string> {
    for (const deadline = Date.now() + 300_000; ; await sleep(1000)) {
      const { output } = await this.send("POST", "compute", `/servers/${server}/action`, { "os-getConsoleOutput": {} });
      if (words.test(output)) return output;
      if (Date.now() > deadline) throw new Error(`"${words}" is not on the console:\n${output}`);
    }
  }
}

/** Runs a command in the cloud's namespaces. */
async function inside(...command: string[]): Promise<string> {
  const [program = "", ...args] = await cloud.inside(command);
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Whether something answers on a port, seen from a network namespace of Neutron's: that of the instance's router. */
async function answers(address: string, port: number): Promise<boolean> {
  const router = /qrouter-\S+/.exec(await inside("ip", "netns", "list"))?.[0] ?? "none";
  const connect = `timeout 10 bash -c '</dev/tcp/${address}/${port}'`;
  return inside("ip", "netns", "exec", router, "bash", "-c", connect).then(
    () => true,
    () => false,
  );
}

/** What a guest leaves behind where it is not wholly removed. */
async function remains(): Promise<readonly string[]> {
  const guests = (await inside("virsh", "--connect", "qemu:///system", "list", "--all", "--name")).trim();
  const folders = readdirSync(join(folder, "nova/instances")).filter((name) => /^[0-9a-f]{8}-/.test(name));
  return [...(guests ? [guests] : []), ...folders];
}

/** Processes of this machine that are in the network namespace of a process. */
async function processesIn(network: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    if ((await readlink(`/proc/${name}/ns/net`).catch(() => "")) === network) found.push(Number(name));
  }
  return found;
}

whenFull("the full cloud", () => {
  test("boots what visa-infrastructure describes, again after a stop, and removes all of it", async () => {
    await cloud.start("full");
    const network = await readlink(`/proc/${(await cloud.status()).services?.libvirtd?.pid}/ns/net`);
    const admin = await Client.of("embedded");
    const member = await Client.of(MEMBER_CLOUD_NAME);
    const imageId = await admin.upload("disk.qcow2", {
      container_format: "bare",
      disk_format: "qcow2",
      kernel_id: await admin.upload("vmlinuz", { container_format: "aki", disk_format: "aki" }),
      ramdisk_id: await admin.upload("initrd.gz", { container_format: "ari", disk_format: "ari" }),
      os_command_line: "console=ttyS0 quiet panic=-1 no_timer_check tiny=cloud",
    });
    const { networks } = await member.send("GET", "network", "/v2.0/networks?name=external");

    const app = new App({ outdir: join(scratch, "out") });
    const stack = new VisaInfrastructureStack(app, "visa-infrastructure", {
      imageName: "tiny",
      imageId,
      fingerprint: "0".repeat(64),
      flavorName: "m1.tiny",
      owner: "visitor",
      // The router, from which the test looks.
      apiServerCidrs: ["10.42.0.1/32"],
      externalNetworkId: networks[0].id,
      stateFolder: scratch,
    });
    app.synth();
    const environment = { ...cloudEnvironmentOf(folder), OS_CLOUD: MEMBER_CLOUD_NAME };
    const terraform = new TerraformFolder(join(scratch, "out/stacks", stack.node.id), environment);
    const plan = () => terraform.run("plan", "-input=false", "-detailed-exitcode");
    terraform.run("apply", "-auto-approve", "-input=false");
    expect(plan()).toContain("No changes");

    const { servers } = await member.send("GET", "compute", "/servers/detail");
    expect(servers).toMatchObject([{ status: "ACTIVE", name: "visa-trial" }]);
    const [{ id, addresses }] = servers;
    const address: string = addresses.visa[0].addr;
    const told = await member.console(id, /tiny guest: metadata \{.*\}/);
    expect(told).toContain(`tiny guest: address ${address}`);
    // The boot command's first line, and what VISA would tell.
    expect(told).toContain("tiny guest: user data #!");
    const metadata = JSON.parse(/tiny guest: metadata (\{.*\})/.exec(told)?.[1] ?? "{}");
    expect(metadata).toMatchObject({ uuid: id, name: "visa-trial", meta: { owner: "visitor" } });
    // guacd's port, and one that the group does not name and the guest listens on too.
    expect(await answers(address, 4822)).toBe(true);
    expect(await answers(address, 22)).toBe(false);

    await cloud.stop();
    expect(await processesIn(network)).toEqual([]);
    await cloud.start();
    expect(plan()).toContain("No changes");
    await member.console(id, /tiny guest: metadata \{.*\}/);
    expect(await answers(address, 4822)).toBe(true);

    terraform.run("destroy", "-auto-approve", "-input=false");
    expect(await member.send("GET", "compute", "/servers")).toEqual({ servers: [] });
    const { ports } = await admin.send("GET", "network", "/v2.0/ports");
    expect(ports.map((port: Json) => port.device_owner)).toEqual(["network:dhcp"]);
    expect(await remains()).toEqual([]);
  });
});
