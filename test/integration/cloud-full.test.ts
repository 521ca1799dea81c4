/**
 * The embedded cloud in full size: `visa-infrastructure` on it, whose instance Nova boots from the tiny guest.
 *
 * It needs root and the packages of `dev/setup --full`, which `.ci/run` and `npm run test:faults` set up; `npm test` runs it where
 * they are.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ComputeServergroupV2 } from "@cdktf/provider-openstack/lib/compute-servergroup-v2";
import { NetworkingPortV2 } from "@cdktf/provider-openstack/lib/networking-port-v2";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, TerraformStack } from "cdktf";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { call } from "../../dev/embedded-cloud/http";
import { makeKeys } from "../../dev/embedded-cloud/services/keystone";
import { MEMBER_CLOUD_NAME } from "../../dev/embedded-cloud/settings";
import { type IVisaImage, VisaFlavor, VisaImage, VisaInstance, VisaNetwork } from "../../lib";
import { Cloud } from "../../lib/cloud/cloud";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import type { BuildSpecification } from "../../lib/specification";
import { verifyOnCloud } from "../../lib/verify/cloud/verify-on-cloud";
import type { VerifyReport } from "../../lib/verify/verify-report";
import { useLocalState } from "../../stacks/state";
import { VisaInfrastructureStack } from "../../stacks/visa-infrastructure";
import { compileCommand } from "../runner/support/command";
import { FULL, FULL_CLOUD } from "../support/full";
import { tinyGuest, writeTinySpecification } from "../support/tiny-guest/tiny-guest";
import { cloudEnvironmentOf, TerraformFolder, terraformEnvironment } from "./terraform-support";

jest.setTimeout(30 * 60_000);

const whenFull = FULL_CLOUD ? describe : describe.skip;

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
    readonly endpoints: Readonly<Record<string, string>>,
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
  async upload(file: string, properties: Readonly<Record<string, string | number>>): Promise<string> {
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

/** What `visa-image verify --on-cloud` does of the image with a flavour, as the member, where nothing of the contract is promised. */
async function accept(flavor: string): Promise<VerifyReport> {
  const glance = await Glance.connect(credentialsFrom({ ...cloudEnvironmentOf(folder), OS_CLOUD: MEMBER_CLOUD_NAME }));
  const { nova, neutron } = new Cloud(glance.session);
  const [{ id }] = (await (await Client.of(MEMBER_CLOUD_NAME)).send("GET", "image", "/v2/images?name=disk.qcow2"))
    .images;
  const image = await glance.image(id);
  if (!image) throw new Error("the image is gone");
  const network = await neutron.network("visa");
  return verifyOnCloud({
    place: { nova, neutron, network, flavor: await nova.flavor(flavor), securityGroups: [] },
    ...{ image, template: "tiny", fingerprint: IMAGE.fingerprint, profile: "gate", parts: [], bootCommand: "" },
    ...{ sources: ["config-drive"], verified: [], scratch, reports: join(scratch, "reports") },
  });
}

const IMAGE = { imageName: "disk.qcow2", fingerprint: "0".repeat(64) };

/** A stack beside `visa-infrastructure`, of the image that it looks up too. */
function stackOf(app: App, id: string, add: (stack: TerraformStack, image: IVisaImage) => void): void {
  const stack = new TerraformStack(app, id);
  useLocalState(stack, scratch);
  new OpenstackProvider(stack, "openstack");
  add(stack, VisaImage.fromImageName(stack, "image", IMAGE));
}

/** The stacks of an app, synthesized, each to be run as one of the cloud's users. */
function synthesize(app: App): (stack: string, user: string) => TerraformFolder {
  app.synth();
  return (stack, user) =>
    new TerraformFolder(join(app.outdir, "stacks", stack), { ...cloudEnvironmentOf(folder), OS_CLOUD: user });
}

const APPLY = ["apply", "-auto-approve", "-input=false"];
const DESTROY = ["destroy", "-auto-approve", "-input=false"];
const PLAN = ["plan", "-input=false", "-detailed-exitcode"];

/** Runs a command in the cloud's namespaces. */
async function inside(...command: string[]): Promise<string> {
  const [program = "", ...args] = await cloud.inside(command);
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Whether something answers on a port, seen from a network namespace of Neutron's, that of the instance's router; or from outside. */
async function answers(address: string, port: number, from: "router" | "outside" = "router"): Promise<boolean> {
  const router = /qrouter-\S+/.exec(await inside("ip", "netns", "list"))?.[0] ?? "none";
  const enter = from === "router" ? ["ip", "netns", "exec", router] : [];
  return inside(...enter, "bash", "-c", `timeout 10 bash -c '</dev/tcp/${address}/${port}'`).then(
    () => true,
    () => false,
  );
}

/** The same, within the time that Neutron's agents and a guest may take after a start: nobody reports that they have wired all. */
async function answersInTime(...where: Parameters<typeof answers>): Promise<boolean> {
  for (const deadline = Date.now() + 180_000; Date.now() < deadline; await sleep(1000)) {
    if (await answers(...where)) return true;
  }
  return false;
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

/** The command, in the cloud's namespaces, as a member. */
async function memberCommand(...args: string[]): Promise<[string, ...string[]]> {
  const command = [process.execPath, compileCommand(), ...args];
  return (await cloud.inside(command, { member: true })) as [string, ...string[]];
}

/** A build of the tiny guest's layers by the cloud's Nova. */
function buildArguments(specification: string, ...args: string[]): string[] {
  const machine = ["--builder", "openstack", "--flavor", "m1.tiny", "--network", "external"];
  return ["build", "--specification", specification, "--cache", join(scratch, "builder"), ...machine, ...args];
}

/** Such a build: how it ended, and what it said. */
async function buildByCloud(specification: string, ...args: string[]): Promise<{ code: number | null; said: string }> {
  const [program, ...rest] = await memberCommand(...buildArguments(specification, ...args));
  const { status, stdout, stderr } = spawnSync(program, rest, { encoding: "utf8" });
  return { code: status, said: `${stdout}${stderr}` };
}

/** Such a build, in whose only step, which takes half a minute, something happens. */
async function whileBuilding(name: string, act: () => Promise<void>): Promise<{ code: number | null; said: string }> {
  const { file } = writeTinySpecification(join(scratch, name), [
    { name, provisioners: [{ shell: { inline: [`echo ${name} > /mnt/${name}`, "sleep 30", "sync"] } }] },
  ]);
  const [program, ...args] = await memberCommand(...buildArguments(file));
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let acted: Promise<void> | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk;
      if (said.includes("inline commands")) acted ??= act();
    });
  }
  const [code] = await once(child, "close");
  if (!acted) throw new Error(`the step never began:\n${said}`);
  await acted;
  return { code, said };
}

/** A chain that Nova builds: its layers are hidden images with their fingerprints, and nothing else of it is left. */
async function buildsByNova(boot: Readonly<Record<string, string>>): Promise<void> {
  const { file, specification } = writeTinySpecification(join(scratch, "chain"), [
    { name: "lower", provisioners: [{ shell: { inline: ["echo lower > /mnt/lower", "sync"] } }] },
    { name: "upper", provisioners: [{ shell: { inline: ['echo "upper on $(cat /mnt/lower)"', "sync"] } }] },
  ]);
  const environment = { ...cloudEnvironmentOf(folder), OS_CLOUD: MEMBER_CLOUD_NAME };
  const glance = await Glance.connect(credentialsFrom(environment));
  const refused = await buildByCloud(file, "--security-groups", "none-such");
  expect([refused.code, refused.said]).toEqual([3, expect.stringContaining("none-such")]);
  // The guest is none that boots by itself; Nova copies this to what it makes of it. It takes no notice of a power button.
  const [base] = await glance.images();
  await glance.update(base?.id ?? "", { ...boot, os_shutdown_timeout: "1" });
  const built = await buildByCloud(file);
  expect([built.code, built.said]).toEqual([0, expect.stringContaining("built lower, upper")]);
  const logs = join(scratch, "builder", "logs");
  const said = readdirSync(logs).map((name) => readFileSync(join(logs, name), "utf8"));
  expect(said.join("")).toContain("upper on lower");
  const [first, second] = specification.layers;
  const layers = await glance.images();
  expect(layers.map(({ visa_layer }) => visa_layer)).toEqual([first?.parent, first?.fingerprint, second?.fingerprint]);
  for (const image of layers) {
    expect(image).toMatchObject({ os_hidden: true, status: "active", visa_layer_image: image.id });
    // What a deploy stands on later.
    if (image.id !== base?.id) await glance.delete(image.id);
  }
  const member = await Client.of(MEMBER_CLOUD_NAME);
  expect(await member.send("GET", "compute", "/servers")).toEqual({ servers: [] });
  const { security_groups: groups } = await member.send("GET", "network", "/v2.0/security-groups");
  expect(groups.map(({ name }: Json) => name)).toEqual(["default"]);
}

/** Releases of a chain of the tiny guest, deployed by Terraform in the cloud's namespaces, as a member. */
class Deployment {
  private readonly lockFile = join(scratch, "releases.json");

  constructor(private readonly boot: Readonly<Record<string, string>>) {}

  /** The chain whose upper layer says a word. */
  specification(word: string, upper = "upper"): BuildSpecification {
    const own = join(scratch, `chain-${word}`);
    const { specification } = writeTinySpecification(own, [
      { name: "lower", provisioners: [{ shell: { inline: ["echo lower > /mnt/lower", "sync"] } }] },
      {
        name: upper,
        provisioners: [{ shell: { inline: [`echo "${word} on $(cat /mnt/lower)" > /mnt/upper`, "sync"] } }],
      },
    ]);
    const layers = specification.layers.map((layer) => ({
      ...layer,
      files: layer.files.map((file) => ({ ...file, source: resolve(own, file.source) })),
    }));
    return { ...specification, layers };
  }

  /**
   * Runs Terraform on a stack with the image of the chain, and one beside it that stands on the same layer.
   *
   * @returns what it printed
   * @throws Error where it does not end as expected
   */
  async terraform(
    args: readonly string[],
    made: { readonly word: string; readonly builder: "openstack" | "qemu"; readonly acceptedBy: string },
    expected = 0,
  ): Promise<string> {
    const app = new App({ outdir: join(scratch, "images") });
    const stack = new TerraformStack(app, "images");
    useLocalState(stack, scratch);
    new OpenstackProvider(stack, "openstack");
    const common = {
      // The gate's QEMU would not know the kernel beside the disk.
      ...({ lockFile: this.lockFile, diskFormat: "qcow2", verify: false, minRamMb: 256 } as const),
      properties: this.boot,
      ...{ builder: made.builder, machine: { flavor: "m1.tiny", network: "external" } },
    };
    new VisaImage(stack, "upper", {
      ...{ ...common, template: "upper", imageName: "tiny desktop", specification: this.specification(made.word) },
      acceptance: { flavor: made.acceptedBy, network: "external" },
    });
    new VisaImage(stack, "beside", {
      ...{ ...common, template: "beside", specification: this.specification("more", "beside") },
      imageName: "beside",
    });
    app.synth();
    const cwd = join(app.outdir, "stacks", "images");
    const env = { ...terraformEnvironment({}), VISA_IMAGE_CACHE: join(scratch, "deployer") };
    for (const each of [["init", "-input=false"], args]) {
      const command = ["terraform", `-chdir=${cwd}`, ...each, "-no-color"];
      const [program = "", ...rest] = await cloud.inside(command, { member: true });
      const { status, stdout, stderr } = spawnSync(program, rest, { env, encoding: "utf8" });
      const text = `${stdout}${stderr}`;
      if (status !== (each === args ? expected : 0)) throw new Error(`terraform ended with ${status}:\n${text}`);
      if (each === args) return text;
    }
    throw new Error("nothing was run");
  }
}

/** Built by Nova, registered, accepted by Nova; and what is not accepted is not shown. */
async function deploys(boot: Readonly<Record<string, string>>): Promise<void> {
  const deployment = new Deployment(boot);
  const glance = await Glance.connect(credentialsFrom({ ...cloudEnvironmentOf(folder), OS_CLOUD: MEMBER_CLOUD_NAME }));
  /** Fingerprints of the releases, by whether users see them. */
  const releases = async () => {
    const all = (await glance.images({ name: "tiny desktop" })).filter(
      ({ visa_fingerprint: one }) => one !== undefined,
    );
    const of = (hidden: boolean) =>
      all.filter(({ os_hidden }) => os_hidden === hidden).map(({ visa_fingerprint }) => visa_fingerprint);
    return { shown: of(false), hidden: of(true) };
  };
  const fingerprintOf = (word: string) => deployment.specification(word).layers.at(-1)?.fingerprint;

  const byNova = { word: "first", builder: "openstack", acceptedBy: "visa.tiny" } as const;
  const first = await deployment.terraform(APPLY, byNova);
  expect(first).toContain("builder: OpenStack");
  // Layers that do not depend on each other are built at the same time.
  for (const [one, other] of [
    ["upper", "beside"],
    ["beside", "upper"],
  ]) {
    expect(first.indexOf(`[${one}] built in`)).toBeGreaterThan(
      first.search(`\\[${other}\\] 2/\\d+ starting the server`),
    );
    expect(first).toContain(`[${other}] 2/`);
  }
  expect(await releases()).toEqual({ shown: [fingerprintOf("first")], hidden: [] });
  expect(await deployment.terraform(PLAN, byNova)).toContain("No changes");

  // QEMU stands on what Nova has built. No host has room for the flavour: the cloud has not seen the new one run.
  const byQemu = { word: "second", builder: "qemu", acceptedBy: "visa.huge" } as const;
  const refused = await deployment.terraform(APPLY, byQemu, 1);
  expect(refused).toMatch(/in ERROR: No valid host/);
  expect(await releases()).toEqual({ shown: [fingerprintOf("first")], hidden: [fingerprintOf("second")] });
  const accepted = { ...byQemu, acceptedBy: "visa.tiny" };
  await deployment.terraform(APPLY, accepted);
  expect(await releases()).toEqual({ shown: [fingerprintOf("second")], hidden: [fingerprintOf("first")] });
  expect(await deployment.terraform(PLAN, accepted)).toContain("No changes");
}

whenFull("the full cloud", () => {
  test("boots what visa-infrastructure describes, again after a stop, and removes all of it", async () => {
    await cloud.start("full");
    const network = await readlink(`/proc/${(await cloud.status()).services?.libvirtd?.pid}/ns/net`);
    const admin = await Client.of("embedded");
    const member = await Client.of(MEMBER_CLOUD_NAME);
    const boot = {
      kernel_id: await admin.upload("vmlinuz", { container_format: "aki", disk_format: "aki" }),
      ramdisk_id: await admin.upload("initrd.gz", { container_format: "ari", disk_format: "ari" }),
      os_command_line: "console=ttyS0 quiet panic=-1 no_timer_check tiny=cloud",
    };
    await admin.upload("disk.qcow2", {
      container_format: "bare",
      disk_format: "qcow2",
      min_disk: 1,
      min_ram: 256,
      visa_fingerprint: IMAGE.fingerprint,
      ...boot,
    });
    await buildsByNova(boot);
    const { networks } = await member.send("GET", "network", "/v2.0/networks?name=external");

    const app = new App({ outdir: join(scratch, "out") });
    stackOf(app, "flavors", (stack, image) => {
      new VisaFlavor(stack, "tiny", { flavorName: "visa.tiny", vcpus: 1, images: [image] });
      new VisaFlavor(stack, "huge", { flavorName: "visa.huge", vcpus: 1, diskGb: 1 << 20, images: [image] });
      new VisaFlavor(stack, "gpu", { ...{ vcpus: 2, images: [image] }, ...{ vgpus: 1, pciDevices: { a100: 1 } } });
    });
    new VisaInfrastructureStack(app, "visa-infrastructure", {
      ...IMAGE,
      flavorName: "visa.tiny",
      owner: "visitor",
      // The router and what is outside, from which the test looks.
      apiServerCidrs: ["10.42.0.1/32", "203.0.113.1/32"],
      externalNetworkId: networks[0].id,
      floatingIpPool: "external",
      stateFolder: scratch,
    });
    const terraformOf = synthesize(app);
    // An administrator's right.
    const flavors = terraformOf("flavors", "embedded");
    flavors.run(...APPLY);
    expect(flavors.run(...PLAN)).toContain("No changes");
    const terraform = terraformOf("visa-infrastructure", MEMBER_CLOUD_NAME);
    const plan = () => terraform.run(...PLAN);
    terraform.run(...APPLY);
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
    const floating: string = addresses.visa[1].addr;
    expect(floating).toMatch(/^203\.0\.113\./);
    expect(await answers(floating, 4822, "outside")).toBe(true);

    // A second one beside it, with an address and a port of its own, and a wish for its host.
    const apart = new App({ outdir: join(scratch, "apart") });
    stackOf(apart, "second", (stack, image) => {
      const { networkId } = VisaNetwork.fromNetworkName(stack, "network", { networkName: "visa" });
      const port = new NetworkingPortV2(stack, "port", { networkId: networks[0].id });
      const group = new ComputeServergroupV2(stack, "together", { name: "together", policies: ["affinity"] });
      new VisaInstance(stack, "second", {
        ...{ image, owner: "visitor" },
        flavor: VisaFlavor.fromFlavorName(stack, "flavor", { flavorName: "visa.tiny", images: [image] }),
        networks: [{ networkId, fixedIp: "10.42.0.77" }, { portId: port.id }],
        schedulerHints: { group: group.id, sameHost: [id] },
      });
    });
    stackOf(apart, "too-small", (stack, image) => {
      VisaFlavor.fromFlavorName(stack, "flavor", { flavorName: "visa.tiny", images: [{ ...image, minRamMb: 512 }] });
    });
    const apartOf = synthesize(apart);
    const refused = apartOf("too-small", MEMBER_CLOUD_NAME).try(...PLAN);
    expect([refused.status, refused.text.replaceAll(/[\s│]+/g, " ")]).toEqual([
      1,
      expect.stringContaining('the flavour "visa.tiny" has 256 MiB of memory; the image asks for at least 512'),
    ]);
    const second = apartOf("second", MEMBER_CLOUD_NAME);
    second.run(...APPLY);
    expect(second.run(...PLAN)).toContain("No changes");
    const { servers: two } = await member.send("GET", "compute", "/servers/detail?name=second");
    expect(two).toMatchObject([{ status: "ACTIVE", addresses: { visa: [{ addr: "10.42.0.77" }], external: [{}] } }]);
    await member.console(two[0].id, /tiny guest: address 10\.42\.0\.77/);
    second.run(...DESTROY);

    // The gate behind the upload, on a real Nova: an instance that comes and goes, and one that no host has room for.
    const accepted = await accept("visa.tiny");
    expect(accepted.findings.filter(({ verdict }) => verdict !== "not applicable")).toMatchObject([
      ...[51, 56].map((number) => ({ number, verdict: "pass" })),
    ]);
    await expect(accept("visa.huge")).rejects.toThrow(/in ERROR: No valid host[\s\S]*fix: no host has room/);
    expect((await member.send("GET", "compute", "/servers")).servers).toHaveLength(1);
    const { security_groups: groups } = await member.send("GET", "network", "/v2.0/security-groups");
    expect(groups.map((group: Json) => group.name).sort()).toEqual(["default", "visa"]);

    await deploys(boot);
    expect((await member.send("GET", "compute", "/servers")).servers).toHaveLength(1);

    await cloud.stop();
    expect(await processesIn(network)).toEqual([]);
    await cloud.start();
    expect(plan()).toContain("No changes");
    // Its old console is gone: Nova has started it anew.
    const again = await member.console(id, /tiny guest: metadata \{.*\}/);
    expect(again).toContain(`tiny guest: address ${address}`);
    expect(await answersInTime(address, 4822)).toBe(true);
    expect(await answersInTime(floating, 4822, "outside")).toBe(true);

    terraform.run(...DESTROY);
    flavors.run(...DESTROY);
    expect(await member.send("GET", "compute", "/servers")).toEqual({ servers: [] });
    const { ports } = await admin.send("GET", "network", "/v2.0/ports");
    expect(ports.map((port: Json) => port.device_owner)).toEqual(["network:dhcp"]);
    expect(await remains()).toEqual([]);
  });

  const whenFaults = FULL ? test : test.skip;

  whenFaults(
    "a build whose Nova is away in the middle ends and says so, and what it left is removed later",
    async () => {
      const member = await Client.of(MEMBER_CLOUD_NAME);
      const nova = ["-p", "tcp", "--dport", new URL(member.endpoints.compute ?? "").port, "-j", "REJECT"];
      const built = await whileBuilding("without-nova", () =>
        inside("iptables", "-I", "INPUT", ...nova).then(() => {}),
      );
      expect([built.code, built.said]).toEqual([3, expect.stringContaining("the cloud did not answer")]);
      expect(built.said).toContain("a build has left something in the cloud");
      await inside("iptables", "-D", "INPUT", ...nova);
      expect((await member.send("GET", "compute", "/servers")).servers).toHaveLength(1);
      const [program, ...args] = await memberCommand("prune", "--file", join(scratch, "releases.json"));
      expect(execFileSync(program, args, { encoding: "utf8" })).toMatch(/of an interrupted build, server .*: deleted/);
      expect(await member.send("GET", "compute", "/servers")).toEqual({ servers: [] });
    },
  );

  whenFaults("a build whose token ends in the middle signs in anew, as Packer does", async () => {
    const folderOfKeys = join(folder, "keystone", "fernet");
    const built = await whileBuilding("without-token", async () => {
      rmSync(join(folderOfKeys, "1"));
      await makeKeys(folderOfKeys);
    });
    expect([built.code, built.said]).toEqual([0, expect.stringContaining("built without-token")]);
    const member = await Client.of(MEMBER_CLOUD_NAME);
    expect(await member.send("GET", "compute", "/servers")).toEqual({ servers: [] });
  });
});
