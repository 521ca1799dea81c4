import { isAbandoned, MARK_PROPERTY, markOf, writeMark } from "../../../lib/runner/cloud/build-mark";
import { makeEntrance, removeBuilds } from "../../../lib/runner/cloud/build-resources";
import { BuildCloud } from "./build-cloud";

let cloud: BuildCloud;
beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
});
afterEach(() => cloud.stop());

const own = markOf(new Date(Date.now() + 3600_000));
const mark = writeMark(own);
const name = "visa-build-one-1";
const isOwn = (each: typeof own) => writeMark(each) === mark;

/** What a build has in the middle of its work. */
async function work(text = mark): Promise<void> {
  await makeEntrance(await cloud.connect(), { name, mark: text, floatingNetwork: "n-outer" });
  cloud.servers.push({
    id: `s-${text.length}`,
    name,
    tenant_id: "p",
    status: "ACTIVE",
    metadata: { [MARK_PROPERTY]: text },
  });
  cloud.images.push({ id: `i-${text.length}`, name, owner: "p", status: "queued", [MARK_PROPERTY]: text });
}

test("a build's own group lets SSH in, and nothing else", async () => {
  const entrance = await makeEntrance(await cloud.connect(), { name, mark });
  expect(entrance).toEqual({ securityGroups: [cloud.groups[0]?.id] });
  expect(cloud.groups).toMatchObject([{ name, description: mark }]);
  expect(cloud.rules).toMatchObject(
    ["IPv4", "IPv6"].map((ethertype) => ({ direction: "ingress", ethertype, protocol: "tcp", port_range_max: 22 })),
  );
  expect(cloud.floatingips).toEqual([]);
});

test("groups that are named are taken as they are", async () => {
  const entrance = await makeEntrance(await cloud.connect(), { name, mark, securityGroups: ["ssh"] });
  expect(entrance).toEqual({ securityGroups: ["ssh"] });
  expect(cloud.all).toEqual([]);
});

test("all that a build has is removed, the group once its server is gone; nothing of anybody else", async () => {
  const others = [
    { id: "s-2", name: "visa-build-theirs", tenant_id: "p", metadata: {} },
    { id: "s-3", name: "visa-build-one-1", tenant_id: "q", metadata: { [MARK_PROPERTY]: mark } },
  ];
  await work();
  cloud.groups.push({ id: "g-2", project_id: "p", name: "default", description: "Default security group" });
  const removed = await removeBuilds(await cloud.connect(), isOwn);
  expect(removed.map((what) => what.replace(/ \S+$/, ""))).toEqual([
    "floating address",
    "server",
    "unfinished image",
    "security group",
  ]);
  expect(cloud.all).toEqual(["g-2"]);
  cloud.servers.push(...others);
  expect(await removeBuilds(await cloud.connect(), isOwn)).toEqual([]);
  expect(cloud.all).toEqual(["s-2", "s-3", "g-2"]);
});

test("a build that runs is left alone, one whose process has ended is not", async () => {
  await work();
  expect(await removeBuilds(await cloud.connect(), isAbandoned)).toEqual([]);
  const ended = writeMark({ ...own, worker: { ...own.worker, startTime: "1" } });
  const before = cloud.all;
  await work(ended);
  expect(await removeBuilds(await cloud.connect(), isAbandoned, { dryRun: true })).toHaveLength(4);
  await removeBuilds(await cloud.connect(), isAbandoned);
  expect(cloud.all).toEqual(before);
});

test("fails with what it could not remove, and removes the rest", async () => {
  await work();
  cloud.faults.set(`DELETE /nova/servers/s-${mark.length}`, { status: 500 });
  const removal = removeBuilds(await cloud.connect(), isOwn);
  await expect(removal).rejects.toThrow(
    /has left something in the cloud:\n {2}server s-\d+: cannot delete .* Nova answered 500[\s\S]*visa-image prune/,
  );
  expect(cloud.floatingips).toEqual([]);
  expect(cloud.images).toEqual([]);
});

test("fails where the quota has no room for a floating address, in Neutron's words", async () => {
  const body = { NeutronError: { message: "Quota exceeded for resources: ['floatingip']." } };
  cloud.faults.set("POST /neutron/v2.0/floatingips", { status: 409, body });
  const entrance = makeEntrance(await cloud.connect(), { name, mark, floatingNetwork: "n-outer" });
  await expect(entrance).rejects.toThrow(/cannot take a floating address: Neutron answered 409: Quota exceeded/);
});

test("a token that has expired is replaced", async () => {
  const connected = await cloud.connect();
  cloud.validToken = 2;
  expect(await removeBuilds(connected, isOwn)).toEqual([]);
  // At first, once for it, and Glance's own.
  expect(cloud.signIns).toBe(3);
});
