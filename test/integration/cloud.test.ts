/** The embedded cloud on its real parts: Keystone, Glance, and OpenStack's own client. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open, rename } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ApiStatus, type CloudStatus, EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { call } from "../../dev/embedded-cloud/http";

jest.setTimeout(180_000);

const execute = promisify(execFile);
const MIB = 1024 * 1024;
const command = join(__dirname, "../../dev/cloud");

// A space in the path has to do no harm.
const scratch = mkdtempSync(join(tmpdir(), "embedded cloud "));
const folder = join(scratch, "cloud");
const cloud = new EmbeddedCloud(folder);

afterAll(async () => {
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

/** OpenStack's client, by the system's Python, with nothing of the caller's environment. */
async function openstack(...args: string[]): Promise<Record<string, unknown>> {
  const env = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    OS_CLIENT_CONFIG_FILE: join(folder, "clouds.yaml"),
    OS_CLOUD: "embedded",
    NO_PROXY: "127.0.0.1",
  };
  const { stdout } = await execute("openstack", args, { env });
  return stdout.trim() ? JSON.parse(stdout) : {};
}

async function token(): Promise<string> {
  return (await openstack("token", "issue", "-f", "json")).id as string;
}

function service(status: CloudStatus, name: "keystone" | "glance"): ApiStatus {
  const found = status.services?.[name];
  if (!found) throw new Error(`no ${name} in the status`);
  return found;
}

/** Processes of anybody whose environment or arguments name the folder. */
function processesOf(path: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        const text = readFileSync(`/proc/${name}/environ`, "latin1") + readFileSync(`/proc/${name}/cmdline`, "latin1");
        return text.includes(path);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The one whose session has its own number: the supervisor. */
function sessionLeader(pids: readonly number[]): number {
  const leader = pids.find((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return Number(fields[3]) === pid;
  });
  if (leader === undefined) throw new Error(`no session leader among ${pids}`);
  return leader;
}

/** Whether it runs; one that has ended and that nobody has asked about yet (a zombie) doesn't. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("an embedded cloud", () => {
  let first: CloudStatus;
  let imageId: string;
  const image = join(scratch, "sparse.raw");

  it("starts from nothing", async () => {
    expect((await cloud.status()).state).toBe("absent");
    first = await cloud.start();
    expect(first).toMatchObject({ state: "running", size: "small", region: "RegionOne", cloud: "embedded" });
    expect(service(first, "keystone").version).toMatch(/^\d+:\d+/);
  });

  it("keeps its password, random and in files that only its owner reads", async () => {
    const state = JSON.parse(readFileSync(join(folder, "state.json"), "utf8"));
    expect(state.adminPassword).toMatch(/^[0-9a-f]{48}$/);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = [
      "state.json",
      "clouds.yaml",
      "openrc",
      "keystone/keystone.db",
      "keystone/fernet/1",
      "log/glance.log",
    ];
    for (const file of [...files, "glance/glance-api.conf"]) {
      expect([file, statSync(join(folder, file)).mode & 0o077]).toEqual([file, 0]);
    }
    const commandLines = [...service(first, "keystone").pids, ...service(first, "glance").pids]
      .map((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1"))
      .join();
    expect(commandLines).not.toContain(state.adminPassword);
  });

  it("listens on loopback only", async () => {
    const ports = ["keystone", "glance"].map((name) => new URL(service(first, name as "glance").endpoint).port);
    const listening = readFileSync("/proc/net/tcp", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === "0A" && ports.includes(String(Number.parseInt(fields[1]?.slice(9) ?? "", 16))));
    expect(listening.map((fields) => fields[1]?.slice(0, 8))).toEqual(["0100007F", "0100007F"]);
  });

  it("stores an uploaded image with its checksums, and keeps a sparse one sparse", async () => {
    const handle = await open(image, "w");
    await handle.truncate(64 * MIB);
    await handle.write(Buffer.from("not all of it is zeros"), 0, 22, 5 * MIB);
    await handle.close();
    const bytes = readFileSync(image);
    const options = ["--disk-format", "raw", "--container-format", "bare", "--public", "-f", "json"];
    imageId = (await openstack("image", "create", "sparse", "--file", image, ...options)).id as string;
    const answer = await call("GET", `${service(first, "glance").endpoint}/v2/images/${imageId}`, {
      token: await token(),
    });
    expect(answer.body).toMatchObject({
      status: "active",
      size: 64 * MIB,
      checksum: createHash("md5").update(bytes).digest("hex"),
      os_hash_algo: "sha512",
      os_hash_value: createHash("sha512").update(bytes).digest("hex"),
    });
    expect(statSync(join(folder, "glance/images", imageId)).blocks * 512).toBeLessThan(4 * MIB);
    await openstack("image", "save", "--file", join(scratch, "back.raw"), imageId);
    expect(readFileSync(join(scratch, "back.raw")).equals(bytes)).toBe(true);
  });

  it("takes uploads that end at the same time", async () => {
    const { endpoint } = service(first, "glance");
    const headers = { "X-Auth-Token": await token() };
    const ask = async (method: string, path: string, body: string, type: string) => {
      const answer = await fetch(`${endpoint}/v2/images${path}`, {
        ...{ method, headers: { ...headers, "Content-Type": type } },
        ...(body && { body }),
      });
      return { status: answer.status, text: await answer.text() };
    };
    const one = async () => {
      const description = JSON.stringify({ name: "at once", disk_format: "raw", container_format: "bare" });
      const made = await ask("POST", "", description, "application/json");
      const { id } = JSON.parse(made.text) as { id: string };
      const sent = await ask("PUT", `/${id}/file`, "x".repeat(MIB), "application/octet-stream");
      const gone = await ask("DELETE", `/${id}`, "", "application/json");
      return [made.status, sent.status, gone.status].join(" ");
    };
    const results: string[] = [];
    for (let round = 0; round < 15; round++) results.push(...(await Promise.all([one(), one(), one()])));
    expect(new Set(results)).toEqual(new Set(["201 204 204"]));
  });

  it("hides and protects images", async () => {
    const names = async (...options: string[]) =>
      ((await openstack("image", "list", "-f", "json", ...options)) as unknown as { Name: string }[]).map(
        (one) => one.Name,
      );
    await openstack("image", "set", "--hidden", "--protected", imageId);
    expect(await names()).toEqual([]);
    expect(await names("--hidden")).toEqual(["sparse"]);
    await expect(openstack("image", "delete", imageId)).rejects.toThrow(/403|protected/i);
    await openstack("image", "set", "--unhidden", imageId);
    expect(await names()).toEqual(["sparse"]);
  });

  it("starts nothing twice", async () => {
    const again = await Promise.all([cloud.start(), new EmbeddedCloud(folder).start()]);
    for (const status of again) {
      expect(service(status, "keystone").pids).toEqual(service(first, "keystone").pids);
      expect(service(status, "glance").pids).toEqual(service(first, "glance").pids);
    }
  });

  it("says so when a service was killed, and start repairs it", async () => {
    process.kill(service(first, "glance").pid as number, "SIGKILL");
    let status = await cloud.status();
    for (let tries = 0; status.state === "running" && tries < 50; tries++) status = await cloud.status();
    expect(status.state).toBe("broken");
    expect(service(status, "keystone").state).toBe("running");
    expect(service(status, "glance")).toMatchObject({
      state: "crashed",
      message: expect.stringMatching(/^glance ended by itself at .* \(killed by SIGKILL; out of memory\?\); its log: /),
    });
    const json = await execute(command, ["--folder", folder, "status", "--json"]).catch((error) => error);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout).services.glance.state).toBe("crashed");

    expect((await cloud.start()).state).toBe("running");
    expect((await openstack("image", "show", "sparse", "-f", "json")).id).toBe(imageId);
  });

  it("also repairs what lost its supervisor, and leaves no orphan", async () => {
    const { pids } = service(await cloud.status(), "glance");
    process.kill(sessionLeader(pids), "SIGKILL");
    expect((await cloud.status()).state).toBe("broken");
    expect((await cloud.start()).state).toBe("running");
    expect(pids.filter(alive)).toEqual([]);
  });

  it("stops without leaving a process, and keeps its images", async () => {
    const status = await cloud.status();
    await cloud.stop();
    expect((await cloud.status()).state).toBe("stopped");
    expect([...service(status, "keystone").pids, ...service(status, "glance").pids].filter(alive)).toEqual([]);
    expect(processesOf(folder)).toEqual([]);
    await cloud.stop();
  });

  it("avoids ports that others have taken meanwhile, and finds its images again", async () => {
    const wanted = ["keystone", "glance"].map((name) =>
      Number(new URL(service(first, name as "glance").endpoint).port),
    );
    const servers = await Promise.all(
      wanted.map(
        (port) =>
          new Promise<Server>((resolve, reject) => {
            const server = createServer().listen(port, "127.0.0.1", () => resolve(server));
            server.once("error", reject);
          }),
      ),
    );
    try {
      const status = await cloud.start();
      expect(wanted).not.toContain(Number(new URL(service(status, "keystone").endpoint).port));
      expect(wanted).not.toContain(Number(new URL(service(status, "glance").endpoint).port));
      // By the catalog: its endpoints have moved along.
      expect((await openstack("image", "show", "sparse", "-f", "json")).id).toBe(imageId);
    } finally {
      for (const server of servers) server.close();
    }
  });

  it("works from a shell by what env prints", async () => {
    const script = `eval "$("$1" --folder "$2" env)"; PATH=/usr/sbin:/usr/bin:/sbin:/bin openstack image list -f value -c Name`;
    const { stdout } = await execute("bash", ["-c", script, "bash", command, folder], {
      env: { ...process.env, OS_AUTH_URL: "http://127.0.0.1:1/v3", OS_USERNAME: "somebody" },
    });
    expect(stdout).toBe("sparse\n");
  });

  it("runs a command with its credentials, and prints a service's log", async () => {
    const run = (...args: string[]) => execute(command, ["--folder", folder, ...args]);
    const { stdout } = await run("shell", "--", "bash", "-c", 'echo "$OS_CLOUD $PWD"');
    expect(stdout).toBe(`embedded ${process.cwd()}\n`);
    expect(await run("shell", "--", "bash", "-c", "exit 7").catch((error) => error.code)).toBe(7);
    expect((await run("logs", "keystone")).stdout).toBe(readFileSync(join(folder, "log/keystone.log"), "utf8"));
  });

  it("stands beside a second one", async () => {
    const other = new EmbeddedCloud(join(scratch, "other"));
    try {
      const status = await other.start();
      const mine = await cloud.status();
      expect([status.state, mine.state]).toEqual(["running", "running"]);
      expect(service(status, "keystone").endpoint).not.toBe(service(mine, "keystone").endpoint);
      await other.stop();
      expect((await cloud.status()).state).toBe("running");
    } finally {
      await other.reset();
    }
    expect(existsSync(other.folder)).toBe(false);
  });

  it("fails when its folder was moved, and says why", async () => {
    await cloud.stop();
    const moved = `${folder}-moved`;
    await rename(folder, moved);
    try {
      await expect(new EmbeddedCloud(moved).start()).rejects.toThrow(/was made in ".*" and can't be moved to/);
    } finally {
      await rename(moved, folder);
    }
  });

  it("is removed whole by reset, also while it runs", async () => {
    const status = await cloud.start();
    await cloud.reset();
    // The empty lock file stays: somebody may be waiting for it.
    expect(readdirSync(scratch).sort()).toEqual(["back.raw", "cloud.lock", "other.lock", "sparse.raw"]);
    expect([...service(status, "keystone").pids, ...service(status, "glance").pids].filter(alive)).toEqual([]);
    expect((await cloud.status()).state).toBe("absent");
  });

  it("fails to start in another size than it has, and leaves it as it is", async () => {
    const small = new EmbeddedCloud(join(scratch, "small"));
    mkdirSync(small.folder);
    const state = JSON.stringify({ version: 1, size: "small", folder: small.folder });
    writeFileSync(join(small.folder, "state.json"), state);
    const error = await execute(command, ["--folder", small.folder, "start", "--full"]).catch((one) => one);
    expect(error.code).toBe(2);
    expect(error.stderr).toMatch(/^cloud: the cloud in ".*" is a small one\n {2}fix: name another folder/);
    expect(readFileSync(join(small.folder, "state.json"), "utf8")).toBe(state);
    rmSync(small.folder, { recursive: true });
  });

  it("fails to print the log of a service that it has not", async () => {
    await expect(cloud.log("nova")).rejects.toThrow(/there is no service "nova"/);
  });

  it("fails to remove a folder that holds something else", async () => {
    writeFileSync(join(scratch, "precious"), "");
    await expect(new EmbeddedCloud(scratch).reset()).rejects.toThrow(/holds no embedded cloud: nothing is removed/);
    expect(existsSync(join(scratch, "precious"))).toBe(true);
  });

  it("fails to print an environment before its first start", async () => {
    await expect(cloud.env()).rejects.toThrow(/there is no cloud in .*\n {2}fix: start it: dev\/cloud start/);
  });
});
