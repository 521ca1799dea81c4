/** A registration against what answers as VISA does: what is done once, what is lost, and what is told. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reconcile } from "../../lib/visa/entry-changes";
import { carryOut } from "../../lib/visa/register";
import { VisaClient } from "../../lib/visa/visa-client";
import type { Wanted } from "../../lib/visa/wanted";
import { scratchFolder } from "../support/scratch";
import { type Fault, VisaStandIn } from "../support/visa-stand-in";
import type { StandInEntry } from "../support/visa-stand-in-tables";
import { IMAGES, RELEASES, wantedOf } from "./support";

let visa: VisaStandIn;
beforeEach(async () => {
  visa = new VisaStandIn();
  await visa.start();
});
afterEach(() => visa.stop());

const folder = scratchFolder();

async function register(wanted: Wanted, imageId: string, environment: Record<string, string> = {}, timeoutMs?: number) {
  const client = new VisaClient({ environment: { ...visa.environment, ...environment }, timeoutMs });
  const steps: string[] = [];
  try {
    const plan = (found: Parameters<typeof reconcile>[1]) => reconcile(wanted, found, { imageId });
    await carryOut({ client, plan, onStep: (says) => steps.push(says), pauses: [0, 50, 300, 600] });
    return steps;
  } finally {
    await client.close();
  }
}

const a = (values?: Parameters<typeof wantedOf>[0]) => register(wantedOf(values), IMAGES.a);
const releasedB = wantedOf({ release: RELEASES.b });

test("registers, and the second time sends no mutation", async () => {
  expect(await a()).toEqual(['make the entry "VISA desktop" 1, hidden', 'show entry 1 "VISA desktop"']);
  expect(visa.images).toMatchObject([{ visible: true, protocolIds: [12, 11], defaultVdiProtocolId: 12 }]);
  visa.operations.length = 0;
  expect(await a()).toEqual([]);
  expect(visa.operations).toEqual([
    "account",
    "__type",
    "__type",
    "images",
    "plans",
    "flavours",
    "imageProtocols",
    "cloudClients",
  ]);
});

test("a release takes over from the one before, plan by plan, and users have one at all times", async () => {
  await a({
    plans: [
      { flavour: "Small", preset: true },
      { flavour: "Large", preset: false },
    ],
  });
  visa.mutations.length = 0;
  await register(releasedB, IMAGES.b);
  expect(visa.mutations.map(({ name }) => name)).toEqual([
    "createImage",
    "updateImage",
    "updatePlan",
    "updatePlan",
    "updateImage",
  ]);
  expect(visa.mutations.map(({ offered }) => offered)).toEqual([2, 2, 2, 2, 2]);
  expect(visa.images.map(({ visible }) => visible)).toEqual([false, true]);
});

test.each<[string, Fault]>([
  ["whose answer is cut off", { at: "createImage", how: "cut after" }],
  ["that is done only later", { at: "createImage", how: "late" }],
  ["whose plan's answer is cut off", { at: "createPlan", how: "cut after" }],
  ["that is shown without an answer", { at: "updateImage", how: "cut after" }],
  ["that is to be shown and is not", { at: "updateImage", how: "cut before" }],
  ["whose update meets a proxy's error", { at: "updateImage", how: "502" }],
])("an entry %s is there once, in one run", async (_what, fault) => {
  visa.faults.push(fault);
  await a({ plans: [{ flavour: "Small", preset: true }] });
  expect(visa.images).toMatchObject([{ visible: true }]);
  expect(visa.plans).toMatchObject([{ flavourId: 21, preset: true }]);
  expect(visa.faults).toEqual([]);
});

test.each<[string, Fault]>([
  ["cut off before it arrived", { at: "createImage", how: "cut before" }],
  ["answered by a proxy", { at: "createImage", how: "502" }],
  ["failed by VISA", { at: "createImage", how: "System error" }],
  ["cut off at its plan", { at: "createPlan", how: "cut before" }],
])("fails where an entry's request is %s, says what is left, and the next run finishes it", async (_what, fault) => {
  visa.faults.push(fault);
  const plans = [{ flavour: "Small", preset: true }];
  await expect(a({ plans })).rejects.toThrow(/left to do in VISA: make [\s\S]*left to do in VISA: show/);
  await a({ plans });
  expect(visa.images).toMatchObject([{ visible: true }]);
  expect(visa.plans).toMatchObject([{ flavourId: 21 }]);
});

test("fails where VISA is slow, and makes nothing twice", async () => {
  visa.faults.push({ at: "createImage", how: "slow" });
  expect((await register(wantedOf(), IMAGES.a, {}, 200)).length).toBe(2);
  expect(visa.images).toHaveLength(1);
});

test("fails where VISA is away, without its address in the message", async () => {
  const url = visa.url;
  const environment = visa.environment;
  await visa.stop();
  const client = new VisaClient({ environment });
  const error: Error = await carryOut({ client, plan: () => [] }).catch((caught) => caught);
  expect(error.message).toMatch(/cannot reach VISA: .*ECONNREFUSED/);
  expect(error.message).not.toContain(new URL(url).host);
  await visa.start();
});

test("fails for a role that is not enough, before anything is asked by GraphQL", async () => {
  const run = register(wantedOf(), IMAGES.a, { VISA_API_TOKEN: "staff" });
  await expect(run).rejects.toThrow(/the role STAFF; VISA's entries take ADMIN/);
  expect(visa.operations).toEqual(["account"]);
});

test("fails while Glance is away from VISA, with VISA's two meanings of it", async () => {
  visa.knowsImage = () => false;
  await expect(a()).rejects.toThrow(/finds no such image[\s\S]*left to do[\s\S]*it says the same of both/);
  visa.knowsImage = () => true;
  expect(await a()).toHaveLength(2);
});

test("fails for a value that VISA finds too long, without the value", async () => {
  // VISA's own limits may change: what is sent is what the library's own check lets through.
  const client = new VisaClient({ environment: visa.environment });
  const input = { name: "x", computeId: IMAGES.a, visible: false, icon: "", protocolIds: [], defaultVdiProtocolId: 12 };
  const bootCommand = `password=s3cret${"x".repeat(16_000)}`;
  const error: Error = await client
    .change({ name: "createImage", input: { ...input, bootCommand } })
    .catch((caught) => caught);
  await client.close();
  expect(error.message).toContain("createImage.input.bootCommand size must be between 0 and 16000");
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain("s3cret");
});

test("a token that ends in the middle is read again: from a file", async () => {
  const file = join(mkdtempSync(join(folder, "token-")), "token");
  writeFileSync(file, "admin\n");
  visa.onMutation = (_name, count) => {
    if (count > 1) return;
    visa.users.set("second", { name: "Ada Admin", roles: ["ADMIN"] });
    visa.users.delete("admin");
    writeFileSync(file, "second\n");
  };
  expect(await register(wantedOf(), IMAGES.a, { VISA_API_TOKEN: "", VISA_API_TOKEN_FILE: file })).toHaveLength(2);
});

test("a token that ends in the middle is read again: by a command, which is asked only when it is needed", async () => {
  const counter = join(mkdtempSync(join(folder, "token-")), "counter");
  const command = `echo x >> ${counter}; if [ $(wc -l < ${counter}) = 1 ]; then echo admin; else echo second; fi`;
  visa.onMutation = (_name, count) => {
    if (count > 1) return;
    visa.users.set("second", { name: "Ada Admin", roles: ["ADMIN"] });
    visa.users.delete("admin");
  };
  expect(await register(wantedOf(), IMAGES.a, { VISA_API_TOKEN: "", VISA_API_TOKEN_COMMAND: command })).toHaveLength(2);
});

test("fails where the token has ended and there is no other, and says what is left", async () => {
  visa.onMutation = () => visa.users.delete("admin");
  await expect(a()).rejects.toThrow(/does not take the token[\s\S]*left to do in VISA: show/);
  visa.users.set("admin", { name: "Ada Admin", roles: ["ADMIN"] });
  visa.onMutation = () => {};
  expect(await a()).toEqual(['show entry 1 "VISA desktop"']);
});

test("an entry that an administrator edited: what the stack says is put right, the rest stays", async () => {
  await a();
  Object.assign(visa.images[0] as object, { version: "by hand", autoAcceptExtensionRequest: "STAFF", icon: "own.jpg" });
  expect(await a()).toEqual(['change version of entry 1 "VISA desktop" by hand (shown)']);
  expect(visa.images[0]).toMatchObject({ version: "1", autoAcceptExtensionRequest: "STAFF", icon: "own.jpg" });
});

test("fails for two entries of one image, and changes neither", async () => {
  await a();
  const { id: _, ...copy } = visa.images[0] as StandInEntry;
  visa.addEntry(copy);
  visa.mutations.length = 0;
  await expect(a()).rejects.toThrow(/several entries.*entry 1 .*entry 2 /);
  expect(visa.mutations).toEqual([]);
});

test("what is asked names no secret of a cloud, and one mutation at a time", async () => {
  const text = readFileSync("lib/visa/visa-client.ts", "utf8");
  expect(text).not.toContain("openStackProviderConfiguration");
  expect(text).not.toMatch(/cloudImages/);
  for (const [, query = ""] of text.matchAll(/"(mutation [^"]*)"/g)) {
    expect(query.match(/(create|update|delete)(Image|Plan)\(/g)).toHaveLength(1);
  }
});
