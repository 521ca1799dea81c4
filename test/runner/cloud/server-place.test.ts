import { resolveMachine } from "../../../lib/build-machine";
import { MARK_PROPERTY } from "../../../lib/runner/cloud/build-mark";
import { ServerPlace } from "../../../lib/runner/cloud/server-place";
import { createMasker } from "../../../lib/runner/output/masking";
import type { Trouble } from "../../../lib/runner/packer/guest-place";
import type { LayerSpecification } from "../../../lib/specification";
import { BuildCloud } from "./build-cloud";

let cloud: BuildCloud;
beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
});
afterEach(() => cloud.stop());

const server = (more: object) => ({ id: "s-1", name: "visa-build-one-1", metadata: { [MARK_PROPERTY]: "m" }, ...more });

async function placeOf(timeoutMinutes = 1) {
  return new ServerPlace({
    ...{
      cloud: await cloud.connect(),
      name: "visa-build-one-1",
      mark: "m",
      floating: false,
      pollMs: 50,
      addressMs: 1000,
    },
    ...{ scratch: { path: "/nowhere", temporary: "/nowhere" }, masker: createMasker(["hunter22"]) },
    machine: resolveMachine({ code: { timeoutMinutes }, environment: {} }),
    layer: { name: "one" } as LayerSpecification,
    progress: { warn: () => {} } as never,
  });
}

/** What the watch finds. */
async function trouble(
  act: (watch: ReturnType<ServerPlace["watch"]>) => void = () => {},
): Promise<Trouble | undefined> {
  const place = await placeOf();
  let found: Trouble | undefined;
  const watch = place.watch((one) => {
    found = one;
  });
  act(watch);
  for (let i = 0; i < 40 && !found; i++) await new Promise((done) => setTimeout(done, 50));
  await watch.stop();
  return found;
}

/**
 * @fault builder: Nova cannot start the server, or loses it (ERROR)
 * @then 3 at once: Nova's own reason, what to do, the end of the console
 */
test("a server in error is given up, with Nova's reason and what to do", async () => {
  const fault = { message: "No valid host was found. There are not enough hosts available." };
  cloud.servers.push(server({ status: "ERROR", fault }));
  const found = await trouble();
  expect(found?.what).toMatch(/^Nova could not start its server, or lost it: No valid host was found/);
  expect(found?.fix).toMatch(/another --flavor or --availability-zone/);
});

/**
 * @fault builder: the guest's kernel panics while it boots
 * @then 3, with the panic's line and the end of the console
 */
test("a guest whose kernel panicked is given up", async () => {
  cloud.servers.push(server({ status: "ACTIVE", addresses: {} }));
  cloud.consoles.set("s-1", "[  1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n");
  expect((await trouble())?.what).toMatch(/kernel panicked: "Kernel panic - not syncing/);
});

/**
 * @fault builder: somebody deletes the server, or the guest switches itself off in a step
 * @then 3 at once: `somebody has deleted it`, `its server is shut off`
 */
test("a server that somebody deleted or that shut itself off is given up", async () => {
  cloud.servers.push(server({ status: "ACTIVE", addresses: {} }));
  setTimeout(() => cloud.servers.splice(0), 300);
  expect((await trouble())?.what).toMatch(/somebody has deleted it/);
  cloud.servers.push(server({ status: "SHUTOFF" }));
  expect((await trouble((watch) => watch.connected()))?.what).toMatch(/shut off/);
});

/**
 * @fault builder: the network has no address to give
 * @then 3 after a minute: `Nova has started its server without an address`, name another network
 */
test("a server that gets no address is given up, one that has its address is not", async () => {
  cloud.servers.push(server({ status: "ACTIVE", addresses: {} }));
  expect((await trouble())?.what).toMatch(/without an address/);
  // Of this machine: what answers there is not looked at.
  const addresses = { inner: [{ version: 4, addr: "127.0.0.1", "OS-EXT-IPS:type": "fixed" }] };
  cloud.servers = [server({ status: "ACTIVE", addresses })];
  expect(await trouble()).toBeUndefined();
});

/**
 * @fault builder: the server has an address, and no SSH
 * @then 3 after `ssh_timeout` (20 minutes): whether it never answered, has no SSH, or does not take the key; what to do; the end of the console
 */
test("what is found out about a guest that Packer does not get into", async () => {
  const addresses = { inner: [{ version: 4, addr: "127.0.0.1" }] };
  cloud.servers.push(server({ status: "ACTIVE", addresses }));
  const place = await placeOf();
  const watch = place.watch(() => {});
  for (let i = 0; i < 80 && !watch.unreachable; i++) await new Promise((done) => setTimeout(done, 50));
  expect(watch.unreachable).toMatch(/SSH/);
  watch.connected();
  expect(watch.unreachable).toBeUndefined();
  await watch.stop();
});

/**
 * @fault builder: Nova is away in the middle of a build
 * @then a step in the guest goes on; where Packer needs Nova, 3: `the cloud did not answer`. What cannot be removed then is named, and `visa-image prune` removes it
 */
test("the stop at the end of a build is none of these, and a Nova that is away says nothing", async () => {
  cloud.servers.push(server({ status: "SHUTOFF" }));
  const ended = trouble((watch) => {
    watch.connected();
    watch.halting();
  });
  cloud.images.push({ id: "i-1", owner: "p", status: "saving", os_hidden: false, [MARK_PROPERTY]: "m" });
  expect(await ended).toBeUndefined();
  // Nobody lists what is not active.
  expect(cloud.images).toMatchObject([{ os_hidden: true }]);
  cloud.faults.set("GET /nova/servers/detail", { status: 503 });
  expect(await trouble()).toBeUndefined();
}, 30_000);

test("another one of that name is none of this build's", async () => {
  cloud.servers.push(server({ status: "ERROR", metadata: {} }));
  expect(await trouble()).toBeUndefined();
});

test("says what Nova said, and what the console shows, without secrets", async () => {
  cloud.servers.push(server({ status: "ERROR", fault: { message: "hunter22 is no host" } }));
  cloud.consoles.set("s-1", "\u001b[0;1;31mfailed\u001b[0m hunter22\r\n\r\nlast\r\n");
  const place = await placeOf();
  expect(await place.words()).toEqual(["Nova said: **** is no host"]);
  expect(place.consoleTail()).toEqual(["failed ****", "last"]);
});

test("fails whose cause the cloud's words tell have a remedy", async () => {
  const place = await placeOf();
  const of = (line: string) => place.remedy([line]);
  const launching = "Error launching source server:";
  expect(of(`${launching} 403 Quota exceeded for instances: already used 10 of 10`)).toMatch(/quota raised/);
  // As the embedded cloud said it.
  expect(of(`${launching} 400 Network c391 requires a subnet in order to boot instances on.`)).toMatch(/with a subnet/);
  expect(of(`${launching} 400 Unable to find security_group with name or id 'x'`)).toMatch(/--security-groups/);
  expect(of("Error associating floating IP 'a' with instance port 'b': Resource not found")).toMatch(/router/);
  expect(of("Timeout waiting for SSH.")).toMatch(/--floating-ip-pool/);
  expect(of("Error waiting for image: Unable to re-authenticate: Unauthorized")).toMatch(/application credential/);
  expect(of(`${launching} dial tcp 10.0.0.1:8774: connect: connection refused`)).toMatch(/whether it is up/);
  // In the guest.
  expect(of("curl: (7) Failed to connect to mirror port 80: Connection refused")).toBeUndefined();
});
