/** Lists of servers: pages, rights, and what a Nova may answer else. */
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import { listServers } from "../../lib/cloud/nova";
import { CloudStandIn } from "../releases/cloud-stand-in";

let cloud: CloudStandIn;
beforeEach(async () => {
  cloud = new CloudStandIn();
  await cloud.start();
});
afterEach(() => cloud.stop());

const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const list = async () => listServers((await Glance.connect(credentialsFrom(cloud.environment))).session);
const idsOf = async () => {
  const listed = await list();
  return listed.kind === "asked" ? listed.servers.map(({ id }) => id) : listed.reason;
};

test("the servers of all projects, page by page, by one question for each page", async () => {
  cloud.nova = { servers: { a: ids("a", 1200), b: ids("b", 34) }, administrator: true, page: 100 };
  const listed = await list();
  if (listed.kind !== "asked") throw new Error(listed.reason);
  expect(listed.allProjects).toBe(true);
  expect(listed.servers).toHaveLength(1234);
  expect(listed.servers[1199]).toEqual({
    ...{ id: "a1199", name: "VISA-a1199", status: "ACTIVE", created: "2026-11-01T00:00:00Z", projectId: "p" },
    imageId: "a",
  });
  expect(cloud.asked).toHaveLength(13);
});

test("one that started from a volume has no image", async () => {
  cloud.nova = { servers: {}, administrator: true, more: [{ id: "v", image: "" }] };
  const listed = await list();
  expect(listed.kind === "asked" && listed.servers[0]).not.toHaveProperty("imageId");
});

test("those of the own project where those of others may not be seen", async () => {
  const more = [{ id: "other", tenant_id: "q", image: { id: "a" } }];
  cloud.nova = { servers: { a: ["own"] }, administrator: false, more };
  expect(await list()).toMatchObject({ allProjects: false, servers: [{ id: "own" }] });
  cloud.nova = { ...cloud.nova, administrator: true };
  expect(await idsOf()).toEqual(["own", "other"]);
});

test("a list whose next page follows on a server that is gone is begun anew", async () => {
  cloud.nova = { servers: { a: ids("a", 5) }, administrator: true, page: 2 };
  const { nova } = cloud;
  // The second page is asked for once the server before it is deleted.
  cloud.onAsked = (count) => {
    if (count === 2) cloud.nova = { ...nova, servers: { a: ["a0", "a2", "a3", "a4"] } };
  };
  expect(await idsOf()).toEqual(["a0", "a2", "a3", "a4"]);
});

test.each<[string, () => void, string]>([
  [
    "a Nova that fails",
    () => Object.assign(cloud, { nova: { servers: {}, administrator: true, broken: true } }),
    "Nova answered 500",
  ],
  ["no Nova", () => Object.assign(cloud, { nova: undefined }), "Keystone's catalog has no compute service"],
  [
    "a list that changes each time",
    () => {
      cloud.nova = { servers: { a: ids("a", 5) }, administrator: true, page: 2 };
      cloud.onAsked = (count) => {
        if (count % 2 === 0) cloud.nova = { servers: { a: ids(`${count}`, 5) }, administrator: true, page: 2 };
      };
    },
    "Nova answered 400",
  ],
])("fails softly for %s", async (_, arrange, reason) => {
  arrange();
  expect(await idsOf()).toContain(reason);
});
