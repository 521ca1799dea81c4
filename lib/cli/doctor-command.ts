/** `visa-image doctor`: whether this machine can build and deploy, and what to do where it can't. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { connect } from "node:net";
import { availableParallelism, homedir, tmpdir, totalmem, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import { resolveMachine } from "../build-machine";
import { ExitCode, type VisaImageError, withoutFix } from "../errors";
import { cacheRoot } from "../runner/cache/cache";
import { kvmObstacle } from "../runner/host/accelerator";
import { hostDebianMirror } from "../runner/host/mirror";
import { namesIn, textOf } from "../runner/host/optional-files";
import { CLOUD_TOOLS, compareVersions, findTool, TOOLS } from "../runner/host/requirements";
import { size } from "../runner/output/progress";
import { missingFirmware } from "../verify/instance/firmware";
import { cdktfCli } from "./cdktf-cli";
import type { Finding } from "./finding";
import { table } from "./inputs";
import { writeAndExit } from "./write-and-exit";

/** Options of the command. */
export interface DoctorCommandOptions {
  readonly cache?: string;
  readonly json?: true;
}

/** What builds need, and what a bootstrapped base needs besides, by the Debian package that has it. */
const PROGRAMS: typeof TOOLS = {
  ...TOOLS,
  mmdebstrap: { package: "mmdebstrap", version: ["--version"], least: "1.0" },
  newuidmap: { package: "uidmap" },
  sfdisk: { package: "fdisk" },
  "mkfs.ext4": { package: "e2fsprogs" },
  "mkfs.fat": { package: "dosfstools" },
  mcopy: { package: "mtools" },
};

const GIB = 2 ** 30;
/** The build machine's memory unless a template says otherwise, and some for this one. */
const MEMORY_BYTES = 5 * GIB;
/** A chain of three layers with a flattened disk. */
const DISK_BYTES = 12 * GIB;
const CONNECT_MS = 3000;

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the command. */
export async function runDoctor(options: DoctorCommandOptions): Promise<void> {
  const findings = await examine(process.env, options.cache ? resolve(options.cache) : cacheRoot());
  const text = options.json ? `${JSON.stringify(findings, null, 2)}\n` : print(findings);
  const code = findings.some(({ status }) => status === "missing") ? ExitCode.FAILURE : 0;
  // A cloud that does not answer would keep the process waiting.
  writeAndExit(text, code);
}

function print(findings: readonly Finding[]): string {
  const lines = table(findings.map(({ name, status, found }) => [status, name, found])).split("\n");
  return findings.map(({ fix }, i) => `${lines[i]}\n${fix ? `         fix: ${fix}\n` : ""}`).join("");
}

/** Looks at everything. */
export async function examine(environment: Environment, cache: string): Promise<Finding[]> {
  const path = [environment.PATH ?? "", "/usr/sbin", "/sbin"].join(":");
  const byCloud = environment.VISA_BUILDER === "openstack";
  const program = byCloud ? withoutQemu : examineProgram;
  return [
    nodeVersion(process.versions.node),
    ...cdktfCli(process.cwd()),
    ...Object.entries(PROGRAMS).map(([name, wanted]) => program(name, wanted, path)),
    userIds(),
    terraform(environment, path),
    provider(environment),
    ...(byCloud ? [await builder(environment)] : [await accelerator(path), memory()]),
    uefi(missingFirmware()),
    cacheFolder(cache),
    ...signing(environment),
    await network(environment),
    await examineCloud(environment),
    ...(await visa(environment)),
  ];
}

/** The range of package.json's engines. */
export function nodeVersion(version: string): Finding {
  if (compareVersions(version, "27") < 0) return least("node", version, "20.19", "install Node.js 20.19 to 26");
  return {
    name: "node",
    status: "warning",
    found: `${version}, newer than 26, with which nobody has tried this`,
    fix: "where something fails, install Node.js 26",
  };
}

function examineProgram(name: string, program: (typeof TOOLS)[string], path: string): Finding {
  const file = findTool(name, path);
  const fix = `on Debian: apt install ${program.package}`;
  if (!file) return { name, status: "missing", found: "not on PATH", fix };
  if (!program.version) return { name, status: "ok", found: file };
  const text = output(file, program.version);
  const version = /\d+\.\d+(\.\d+)*/.exec(text)?.[0];
  // cracklib's packer, for one, knows nothing of versions.
  if (!version) return { name, status: "missing", found: `${file} does not say its version`, fix };
  return program.least ? least(name, version, program.least, fix) : { name, status: "ok", found: version };
}

/** Where a cloud builds, its guests run there; the gate's runs here. */
function withoutQemu(name: string, program: (typeof TOOLS)[string], path: string): Finding {
  const finding = examineProgram(name, program, path);
  if (finding.status !== "missing" || !(name in TOOLS) || CLOUD_TOOLS.includes(name)) return finding;
  const found = `${finding.found}; builds by openstack do without, the gate (visa-image verify) does not`;
  return { ...finding, status: "warning", found };
}

/** Whether the cloud has what the environment names for the machines of builds. */
async function builder(environment: Environment): Promise<Finding> {
  const name = "builder";
  const { Cloud } = require("../cloud/cloud") as typeof import("../cloud/cloud");
  const { credentialsFrom } = require("../cloud/keystone") as typeof import("../cloud/keystone");
  const { findWishes } = require("../runner/cloud/server-wishes") as typeof import("../runner/cloud/server-wishes");
  try {
    const machine = resolveMachine({ environment });
    const cloud = await Cloud.connect(credentialsFrom(environment));
    const any = { name: "any template", diskSizeGb: 0 };
    const { diskGb } = await findWishes(cloud, machine, any, Number.POSITIVE_INFINITY);
    return {
      name,
      status: "ok",
      found: `openstack: the flavour ${machine.flavor} (${diskGb} GiB), a network, and room`,
    };
  } catch (error) {
    const { message, fix } = error as VisaImageError;
    return { name, status: "missing", found: `openstack: ${withoutFix(message).slice(0, 300)}`, fix };
  }
}

function least(name: string, version: string, wanted: string, fix: string): Finding {
  if (compareVersions(version, wanted) >= 0) return { name, status: "ok", found: version };
  return { name, status: "missing", found: `${version}, older than ${wanted}`, fix };
}

function userIds(): Finding {
  const name = "user ids";
  const { uid, username } = userInfo();
  if (uid === 0) return { name, status: "ok", found: "root needs no range of its own" };
  const pattern = new RegExp(`^(${username.replaceAll(/[^\w-]/g, "\\$&")}|${uid}):`, "m");
  const without = ["/etc/subuid", "/etc/subgid"].filter((file) => !pattern.test(textOf(file)));
  if (without.length === 0) return { name, status: "ok", found: `${username} has a range` };
  return {
    name,
    status: "missing",
    found: `${username} has no range in ${without.join(" and ")}, which a base without root needs`,
    fix: `as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`,
  };
}

function terraform(environment: Environment, path: string): Finding {
  const named = environment.TERRAFORM_BINARY_NAME;
  for (const name of named ? [named] : ["terraform", "tofu"]) {
    const file = name.includes("/") ? name : findTool(name, path);
    if (!file) continue;
    const version = /v(\d+\.\d+\.\d+)/.exec(output(file, ["version"]))?.[1] ?? "0";
    return least(name, version, "1.7", "install Terraform 1.7 or newer, or OpenTofu");
  }
  return {
    name: "terraform or tofu",
    status: "missing",
    found: `${named ?? "neither"} on PATH; builds by hand work without`,
    fix: "install Terraform 1.7 or newer, or OpenTofu and set TERRAFORM_BINARY_NAME=tofu",
  };
}

function provider(environment: Environment): Finding {
  const name = "OpenStack provider";
  const mirrored = mirroredProvider(environment);
  if (mirrored) return { name, status: "ok", found: `${mirrored.versions.join(", ")} in ${mirrored.folder}` };
  return {
    name,
    status: "warning",
    found: "not on this machine: cdktf takes it from the registry",
    fix: "without internet access: put it into a mirror (docs/offline.md)",
  };
}

/** The versions of the OpenStack provider that Terraform finds on this machine, the newest last, and where. */
export function mirroredProvider(
  environment: Environment,
): { readonly folder: string; readonly versions: readonly string[] } | undefined {
  const configuration = environment.TF_CLI_CONFIG_FILE || join(homedir(), ".terraformrc");
  const mirrors = [...textOf(configuration).matchAll(/^\s*path\s*=\s*"([^"]+)"/gm)].map((match) => match[1] as string);
  const folders = [
    ...mirrors,
    join(homedir(), ".terraform.d", "plugins"),
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
  ];
  for (const folder of folders) {
    const own = join(folder, "registry.terraform.io", "terraform-provider-openstack", "openstack");
    const versions = namesIn(own)
      .filter((name) => /^\d/.test(name))
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    if (versions.length > 0) return { folder, versions };
  }
  return undefined;
}

async function accelerator(path: string): Promise<Finding> {
  const name = "KVM";
  if (!findTool("qemu-system-x86_64", path))
    return { name, status: "warning", found: "not tried: QEMU is missing", fix: "install QEMU" };
  const obstacle = await kvmObstacle("/dev/kvm", tmpdir());
  if (obstacle === undefined) return { name, status: "ok", found: "a test guest ran with it" };
  return {
    name,
    status: "warning",
    found: `${obstacle}; builds take several times as long`,
    fix: "switch on virtualisation (in a virtual machine: nested), and add the user to the group kvm",
  };
}

function memory(): Finding {
  const name = "memory";
  const available = Number(/^MemAvailable:\s+(\d+)/m.exec(textOf("/proc/meminfo"))?.[1] ?? Number.NaN) * 1024;
  const found = `${size(totalmem())}, ${size(available)} of it available; ${availableParallelism()} CPUs`;
  if (!(available < MEMORY_BYTES)) return { name, status: "ok", found };
  return { name, status: "warning", found, fix: "end other programs, or build with less: VISA_BUILD_MEMORY=2048" };
}

/** Whether a gate can boot an image by UEFI. @param missing a file of the firmware */
export function uefi(missing: string | undefined): Finding {
  const name = "UEFI";
  if (missing === undefined) return { name, status: "ok", found: "firmware for images that boot by it" };
  return {
    name,
    status: "warning",
    found: `${missing} is not here: images with firmware "uefi" cannot be verified`,
    fix: "on Debian: apt install ovmf",
  };
}

/** Whether the key that releases are signed with can be used; nothing where the environment names none. */
function signing(environment: Environment): Finding[] {
  const name = "signing key";
  const { signerFrom } = require("../releases/trust/signer") as typeof import("../releases/trust/signer");
  try {
    const signer = signerFrom(environment);
    if (!signer) return [];
    const curve = signer.publicKey.asymmetricKeyDetails?.namedCurve;
    const by = environment.VISA_SIGNING_COMMAND ? "VISA_SIGNING_COMMAND (not run)" : "VISA_SIGNING_KEY_FILE";
    return [{ name, status: "ok", found: `${curve}, by ${by}` }];
  } catch (error) {
    const { message, fix } = error as VisaImageError;
    return [{ name, status: "missing", found: withoutFix(message), fix }];
  }
}

function cacheFolder(cache: string): Finding {
  const name = "cache";
  let folder = cache;
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  const fix = "let VISA_IMAGE_CACHE name a folder that you may write to, on a disk with room";
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    return { name, status: "missing", found: `${cache} cannot be written to`, fix };
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const found = `${cache}, ${size(free)} free`;
  if (free >= DISK_BYTES) return { name, status: "ok", found };
  return { name, status: free < DISK_BYTES / 4 ? "missing" : "warning", found, fix };
}

/** Whether the proxy answers, or without one the Debian mirror. */
async function network(environment: Environment): Promise<Finding> {
  const name = "network";
  const proxy = environment.VISA_BUILD_PROXY || environment.VISA_HTTP_PROXY;
  const url = proxy || environment.VISA_DEBIAN_MIRROR || hostDebianMirror();
  const what = proxy ? "proxy" : "Debian mirror";
  if (!url) {
    return { name, status: "warning", found: "no Debian mirror is known here", fix: "set VISA_DEBIAN_MIRROR" };
  }
  const fix = proxy
    ? "correct VISA_HTTP_PROXY"
    : "set VISA_DEBIAN_MIRROR to a mirror that can be reached, or VISA_HTTP_PROXY";
  if (!URL.canParse(url)) return { name, status: "missing", found: `the ${what} is no URL`, fix };
  const { hostname, port, protocol } = new URL(url);
  const problem = await tryConnect(
    hostname.replace(/^\[|\]$/g, ""),
    Number(port || (protocol === "https:" ? 443 : 80)),
  );
  if (problem === undefined) return { name, status: "ok", found: `the ${what} at ${hostname} answers` };
  return { name, status: "warning", found: `the ${what} at ${hostname} does not answer (${problem})`, fix };
}

/**
 * Whether the cloud takes the sign-in, with the client that registers images, and Glance answers.
 *
 * @param folder where relative paths count from @default - where the program runs
 */
export async function examineCloud(environment: Environment, folder?: string): Promise<Finding> {
  const name = "cloud";
  const { credentialsFrom } = require("../cloud/keystone") as typeof import("../cloud/keystone");
  const { Glance } = require("../cloud/glance") as typeof import("../cloud/glance");
  const help = "set OS_CLOUD and clouds.yaml, or the OS_* variables of your openrc; only deploying needs them";
  try {
    const own = credentialsFrom(environment, folder);
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error("no answer within 10 s")), 10_000).unref();
    });
    await Promise.race([Glance.connect(own).then((glance) => glance.check()), late]);
    return { name, status: "ok", found: `signed in at ${new URL(own.authUrl).host}` };
  } catch (error) {
    const { message, fix } = error as Partial<VisaImageError>;
    return { name, status: "warning", found: (message?.split("\n")[0] ?? "").slice(0, 300), fix: fix ?? help };
  }
}

/** VISA's version, who the token is, and whether that is enough; nothing where the environment names no VISA. */
async function visa(environment: Environment): Promise<Finding[]> {
  if (!environment.VISA_API_URL) return [];
  const name = "VISA";
  const { VisaClient } = require("../visa/visa-client") as typeof import("../visa/visa-client");
  let found = "";
  try {
    const client = new VisaClient({ environment, timeoutMs: 10_000 });
    try {
      found = `VISA ${await client.version()}`;
      const { name: who, roles } = await client.account();
      found = `${found}, as ${who}`;
      await client.checkRole();
      return [{ name, status: "ok", found: `${found} (${roles.join(", ")})` }];
    } finally {
      await client.close();
    }
  } catch (error) {
    const { message, fix = "see docs/visa.md" } = error as VisaImageError;
    const what = withoutFix(message).slice(0, 200);
    return [{ name, status: "warning", found: `${found ? `${found}: ` : ""}${what}`, fix }];
  }
}

function tryConnect(host: string, port: number): Promise<string | undefined> {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout: CONNECT_MS });
    const end = (problem?: string) => {
      socket.destroy();
      done(problem);
    };
    socket.once("connect", () => end());
    socket.once("timeout", () => end(`no answer within ${CONNECT_MS / 1000} s`));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

function output(program: string, args: readonly string[]): string {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, CHECKPOINT_DISABLE: "1", LC_ALL: "C" };
  const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 10_000, env });
  return `${stdout ?? ""}${stderr ?? ""}`;
}
