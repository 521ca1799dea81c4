/** What the stand-in has of VISA's real answers: one test for each oddity that the library has to live with. */
import { readFileSync } from "node:fs";
import { getIntrospectionQuery } from "graphql";
import { VisaStandIn } from "./visa-stand-in";

let visa: VisaStandIn;
beforeEach(async () => {
  visa = new VisaStandIn();
  await visa.start();
});
afterEach(() => visa.stop());

const CREATE = "mutation ($input: ImageInput!) { createImage(input: $input) { id } }";
const input = {
  name: "VISA desktop",
  computeId: "5f0e9b7c-0000-4000-8000-000000000001",
  visible: false,
  icon: "data-analysis-1.jpg",
  protocolIds: [12, 11],
  defaultVdiProtocolId: 12,
};

async function raw(body: unknown, headers: Record<string, string> = { authorization: "Bearer admin" }) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${visa.url}/api/graphql`, { method: "POST", headers, body: text });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

async function ask(query: string, variables: object = {}, headers?: Record<string, string>) {
  const { text } = await raw({ query, variables }, headers);
  return JSON.parse(text);
}

test("its first line says that it is not VISA", () => {
  expect(readFileSync(require.resolve("./visa-stand-in"), "utf8").split("\n")[0]).toContain("This is not VISA");
});

test("GraphQL answers at /api/graphql alone, by POST alone, and to one operation at a time", async () => {
  expect((await fetch(`${visa.url}/api/graphql`)).status).toBe(405);
  expect((await fetch(`${visa.url}/graphql`, { method: "POST" })).status).toBe(404);
  expect((await raw([{ query: "{images{id}}" }])).status).toBe(400);
  expect((await raw("")).status).toBe(400);
  expect((await raw({ query: "query a {images{id}} query b {plans{id}}" })).status).toBe(500);
});

test("it answers in GraphQL's own media type unless JSON is asked for", async () => {
  const query = { query: "{images{id}}" };
  expect((await raw(query)).type).toBe("application/graphql-response+json");
  const headers = { authorization: "Bearer admin", accept: "application/json" };
  expect((await raw(query, headers)).type).toBe("application/json");
});

test("an unknown token is a 401 without a body, and so is a known one while the account service is away", async () => {
  const unknown = await raw({ query: "{images{id}}" }, { authorization: "Bearer unknown" });
  expect(unknown).toMatchObject({ status: 401, text: "" });
  visa.accountService = false;
  expect(await raw({ query: "{images{id}}" })).toMatchObject({ status: 401, text: "" });
});

test.each([
  ["no token", {}],
  ["an empty token", { authorization: "Bearer " }],
  ["a token of somebody who is no administrator", { authorization: "Bearer staff" }],
])("%s is a System error, with status 200", async (_what, headers: Record<string, string>) => {
  const answer = await raw({ query: "{images{id}}" }, headers);
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.text)).toMatchObject({ data: null, errors: [{ message: "System error" }] });
});

test("the configuration needs no token, the account says who one is", async () => {
  expect(await (await fetch(`${visa.url}/api/configuration`)).json()).toMatchObject({ data: { version: "3.8.2" } });
  const account = await fetch(`${visa.url}/api/account`, { headers: { authorization: "Bearer staff" } });
  expect(await account.json()).toMatchObject({ data: { activeUserRoles: [{ name: "STAFF" }] } });
});

test("introspection needs no token; the fields of two types at once are refused", async () => {
  expect((await ask(getIntrospectionQuery(), {}, {})).data.__schema).toBeDefined();
  const twice = '{ a: __type(name: "Image") { fields { name } } b: __type(name: "Plan") { fields { name } } }';
  expect((await ask(twice)).errors[0].message).toContain("__Type.fields is present too often");
});

test("a field that is not in the schema is a ValidationError, without data", async () => {
  const answer = await ask("{ images { nothing } }");
  expect(answer.errors[0].extensions.classification).toBe("ValidationError");
  expect(answer).not.toHaveProperty("data");
  const unknown = await ask(CREATE, { input: { ...input, unknown: 1 } });
  expect(unknown.errors[0].extensions.classification).toBe("ValidationError");
  expect(visa.images).toEqual([]);
});

test("a value that is too long is echoed whole", async () => {
  const bootCommand = `#!/bin/bash\npassword=s3cret\n${"x".repeat(16_000)}`;
  const { errors } = await ask(CREATE, { input: { ...input, bootCommand } });
  expect(errors[0].message).toContain("size must be between 0 and 16000");
  expect(errors[0].extensions.violations[0].invalidValue).toContain("s3cret");
});

test("a missing icon, missing protocols and a long autologin are System errors", async () => {
  for (const wrong of [
    { icon: null },
    { protocolIds: null },
    { icon: "x".repeat(101) },
    { autologin: "x".repeat(256) },
  ]) {
    const { errors } = await ask(CREATE, { input: { ...input, ...wrong } });
    expect(errors[0].message).toBe("System error");
  }
  expect(visa.images).toEqual([]);
});

test("nothing is unique, and there is no key against doing it twice", async () => {
  await ask(CREATE, { input });
  await ask(CREATE, { input });
  expect(visa.images).toHaveLength(2);
});

test("any protocol may be the default desktop; an unknown secondary one becomes null without a word", async () => {
  const { data } = await ask(CREATE, { input: { ...input, defaultVdiProtocolId: 13, secondaryVdiProtocolId: 99 } });
  expect(data.createImage.id).toBeDefined();
  expect(visa.images[0]).toMatchObject({ defaultVdiProtocolId: 13, secondaryVdiProtocolId: null });
  expect((await ask(CREATE, { input: { ...input, defaultVdiProtocolId: 99 } })).errors[0].message).toContain("Invalid");
  expect((await ask(CREATE, { input: { ...input, protocolIds: [99] } })).errors[0].message).toContain("Protocol");
});

test("an update replaces: what is left out becomes null, a cloud of −1 too", async () => {
  visa.addEntry({ description: "kept?", autologin: "VISA_PAM", cloudId: 3 });
  const update = "mutation ($input: ImageInput!) { updateImage(id: 1, input: $input) { cloudId } }";
  expect((await ask(update, { input: { ...input, cloudId: -1 } })).data.updateImage.cloudId).toBeNull();
  expect(visa.images[0]).toMatchObject({ description: null, autologin: null, cloudId: null, visible: false });
});

test("'Invalid Cloud Image Id' is what it says of an unknown image, and while Glance is away", async () => {
  visa.knowsImage = () => false;
  expect((await ask(CREATE, { input })).errors[0].message).toBe("Invalid Cloud Image Id");
});

test("of two mutations in one request the first stays done where the second fails", async () => {
  const query = `mutation ($input: ImageInput!) { createImage(input: $input) { id } deleteImage(id: 99) { id } }`;
  expect(await ask(query, { input })).toMatchObject({ data: null, errors: [{ path: ["deleteImage"] }] });
  expect(visa.images).toHaveLength(1);
});

test("deleting is soft and final: the entry's plans vanish, and cannot be deleted", async () => {
  const { id } = visa.addEntry();
  const plan = visa.addPlan(id);
  await ask(`mutation { deleteImage(id: ${id}) { id } }`);
  expect((await ask("{ images { id } plans { id } }")).data).toEqual({ images: [], plans: [] });
  expect((await ask(`mutation { deletePlan(id: ${plan.id}) { id } }`)).errors[0].message).toContain("Plan not found");
});

test("a preset clears the one before; a plan moves to another image; plans may be made twice", async () => {
  const [a, b] = [visa.addEntry(), visa.addEntry({ visible: false })];
  const plan = visa.addPlan(a.id, 21, true);
  const create = `mutation { createPlan(input: {imageId: ${a.id}, flavourId: 22, preset: true}) { id } }`;
  await ask(create);
  await ask(create);
  expect(visa.plans.map(({ preset }) => preset)).toEqual([false, false, true]);
  await ask(`mutation { updatePlan(id: ${plan.id}, input: {imageId: ${b.id}, flavourId: 21, preset: false}) { id } }`);
  expect(plan.imageId).toBe(b.id);
  // Of a hidden image: for administrators alone.
  expect(visa.offered().map(({ id }) => id)).not.toContain(plan.id);
});

test("connections that are cut before or after the work, and slow answers", async () => {
  visa.faults.push({ at: "createImage", how: "cut before" }, { at: "createImage", how: "cut after" });
  await expect(ask(CREATE, { input })).rejects.toThrow();
  expect(visa.images).toEqual([]);
  await expect(ask(CREATE, { input })).rejects.toThrow();
  expect(visa.images).toHaveLength(1);
  visa.faults.push({ at: "images", how: "slow" });
  const before = Date.now();
  await ask("{ images { id } }");
  expect(Date.now() - before).toBeGreaterThan(400);
});

test("instances come fifty at a time, whatever its message says, and not without a filter", async () => {
  for (let i = 0; i < 60; i++) visa.addInstance(`server-${i}`);
  const page = (limit: number, filter = "filter: {}, ") =>
    ask(
      `{ instances(${filter}orderBy: { name: "id" }, pagination: { limit: ${limit}, offset: 50 }) { pageInfo { count } data { computeId } } }`,
    );
  const { pageInfo, data } = (await page(50)).data.instances;
  expect([pageInfo.count, data.length]).toEqual([60, 10]);
  expect((await page(51)).errors[0].message).toBe("Limit must be between 0 and 200");
  expect((await page(50, "")).errors[0].message).toBe("System error");
});
