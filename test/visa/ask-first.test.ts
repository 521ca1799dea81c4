/** What is found out of VISA before anything is built. */
import { askVisaFirst } from "../../lib/visa/ask-first";
import { VisaStandIn } from "../support/visa-stand-in";

const visa = new VisaStandIn();

beforeAll(() => visa.start());
afterAll(() => visa.stop());
afterEach(() => {
  visa.version = "3.8.2";
  visa.faults.length = 0;
});

async function ask(values: Readonly<Record<string, string | undefined>> = {}): Promise<string> {
  const said: string[] = [];
  await askVisaFirst({ environment: { ...visa.environment, ...values }, onMessage: (text) => said.push(text) });
  return said.join("\n");
}

/** A token as OIDC's are, with an end. */
function endingAt(date: Date): string {
  const payload = Buffer.from(JSON.stringify({ exp: Math.floor(date.getTime() / 1000) })).toString("base64url");
  return `e30.${payload}.signature`;
}

test("an administrator's token is taken, and is said to be read again", async () => {
  expect(await ask()).toBe("VISA 3.8.2 takes the token; it is read again when the image is registered");
});

test("a token that ends soon is told, where no command brings another", async () => {
  const soon = endingAt(new Date(Date.now() + 5 * 60_000));
  const late = endingAt(new Date(Date.now() + 5 * 3_600_000));
  for (const token of [soon, late]) visa.users.set(token, { name: "Ada Admin", roles: ["ADMIN"] });
  expect(await ask({ VISA_API_TOKEN: soon })).toMatch(/This one ends at \d.*VISA_API_TOKEN_COMMAND/);
  expect(await ask({ VISA_API_TOKEN: late })).not.toContain("ends at");
  expect(await ask({ VISA_API_TOKEN: "", VISA_API_TOKEN_COMMAND: `echo ${soon}` })).not.toContain("ends at");
});

test.each<[string, Readonly<Record<string, string | undefined>>, RegExp]>([
  ["no address of VISA", { VISA_API_URL: "" }, /VISA_API_URL is not set; nothing was built/],
  ["no token", { VISA_API_TOKEN: "" }, /no token of a VISA administrator is set; nothing was built/],
  [
    "a wrong token",
    { VISA_API_TOKEN: "wrong" },
    /does not take the token[\s\S]*nothing was built\n {2}fix: .*read again/,
  ],
  [
    "a token that has ended",
    { VISA_API_TOKEN: endingAt(new Date("2026-01-01T00:00:00Z")) },
    /it ended at 2026-01-01T00:00:00.000Z; nothing was built/,
  ],
])("fails for %s, before anything is built", async (_, environment, message) => {
  await expect(ask(environment)).rejects.toThrow(message);
});

test("fails for a role that is not enough", async () => {
  visa.users.set("staff", { name: "Sam", roles: ["STAFF"] });
  await expect(ask({ VISA_API_TOKEN: "staff" })).rejects.toThrow(
    /has the role STAFF; VISA's entries take ADMIN; nothing was built/,
  );
});

test("fails for a VISA that is too old, and takes a version that is no number", async () => {
  visa.version = "2.4.1";
  await expect(ask()).rejects.toThrow("VISA is version 2.4.1; its entries are kept from 3.0 on; nothing was built");
  for (const version of ["3.0.0", "v4.1.0", "develop"]) {
    visa.version = version;
    expect(await ask()).toContain(`VISA ${version} takes the token`);
  }
});

test("goes on where VISA is away, and says so: it may be back when the image is there", async () => {
  const later = /^VISA cannot be asked now, and is asked again when the image is registered: /;
  expect(await ask({ VISA_API_URL: "http://127.0.0.1:9" })).toMatch(later);
  visa.faults.push({ at: "account", how: "502", times: 20 });
  expect(await ask()).toMatch(later);
});

test("fails for what is not VISA", async () => {
  await expect(ask({ VISA_API_URL: `${visa.url}/somewhere` })).rejects.toThrow(/answered 404 .*nothing was built/);
});
