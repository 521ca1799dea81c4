import { type Machine, resolveMachine } from "../../../lib/build-machine";
import { findWishes } from "../../../lib/runner/cloud/server-wishes";
import type { MachineOptions } from "../../../lib/specification";
import { BuildCloud } from "./build-cloud";

let cloud: BuildCloud;
beforeEach(async () => {
  cloud = new BuildCloud();
  await cloud.start();
});
afterEach(() => cloud.stop());

const machine = (code: MachineOptions = {}): Machine =>
  resolveMachine({ code: { builder: "openstack", flavor: "m1.ten", ...code }, environment: {} });
const find = async (code: MachineOptions = {}, diskSizeGb = 10, mostGb = 10) =>
  findWishes(await cloud.connect(), machine(code), { name: "one", diskSizeGb }, mostGb);

test("names become ids, and the only network is taken", async () => {
  expect(await find()).toEqual({ flavor: "f-10", diskGb: 10, network: "n-inner" });
  const all = { network: "outer", floatingIpPool: "outer", securityGroups: "ssh, web", availabilityZone: "nova" };
  expect(await find({ ...all, flavor: "f-10" })).toEqual({
    ...{ flavor: "f-10", diskGb: 10, network: "n-outer", floatingNetwork: "n-outer" },
    ...{ securityGroups: ["ssh", "web"], availabilityZone: "nova" },
  });
});

const fails: [string, MachineOptions, RegExp][] = [
  ["no flavour is said", { flavor: undefined }, /no flavour is said .*"one"\n {2}fix: --flavor.*: m1\.ten/],
  ["a flavour that is not there", { flavor: "m1.tenn" }, /no flavour "m1\.tenn"\n {2}fix: did you mean "m1\.ten"/],
  ["a network that is not there", { network: "nowhere" }, /no network "nowhere"/],
  ["a pool that is no external network", { floatingIpPool: "inner" }, /no external network "inner"/],
];
/**
 * @fault builder: no such flavour, network or external network; a flavour whose disk does not fit
 * @then 2: nothing was started, and what there is
 */
test.each(fails)("fails for %s", async (_, code, words) => {
  await expect(find(code)).rejects.toThrow(words);
});

test("fails for a flavour whose disk is smaller than the layer's, or larger than the image's may be", async () => {
  await expect(find({}, 12, 12)).rejects.toThrow(
    /"m1\.ten" has a disk of 10 GiB, and the template "one" one of 12 GiB/,
  );
  await expect(find({}, 5, 5)).rejects.toThrow(/would be the image's, .* 5 GiB \(minDiskGb\)\n {2}fix: minDiskGb: 10/);
  expect(await find({}, 5, Number.POSITIVE_INFINITY)).toMatchObject({ diskGb: 10 });
});

/**
 * @fault builder: the project's quota has no room for the server
 * @then 2: nothing was started: which limit, and how much of it is in use
 */
test("fails where the quota has no room", async () => {
  cloud.limits = { maxTotalInstances: -1, maxTotalCores: 20, totalCoresUsed: 19, maxTotalRAMSize: 9000 };
  await expect(find()).rejects.toThrow(/no room for the build machine: 19 of 20 CPUs are in use, and it takes 2/);
});

test("fails where there are several networks, or several of one name", async () => {
  cloud.networks.push({ id: "n-3", name: "third", "router:external": false });
  await expect(find()).rejects.toThrow(/not one alone: inner, outer, third/);
  cloud.networks.push({ id: "n-4", name: "third", "router:external": false });
  await expect(find({ network: "third" })).rejects.toThrow(
    /several of the network "third"\n {2}fix: say it by its id: n-3/,
  );
});

test("fails in Nova's words where Nova fails", async () => {
  cloud.faults.set("GET /nova/flavors/detail", { status: 503, body: { error: { message: "down for an hour" } } });
  await expect(find()).rejects.toThrow(/cannot list the flavours: Nova answered 503: down for an hour/);
});
