import type { HttpClient } from "../../lib/cloud/http";
import {
  type Credentials,
  credentialsFrom,
  type Session,
  serviceEndpoint,
  signIn,
  withoutService,
} from "../../lib/cloud/keystone";

interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** Credentials whose HTTP answers what it is told, and the requests that came. */
function credentials(authUrl: string, replies: Record<string, Reply>, more: Partial<Credentials> = {}) {
  const requests: { method: string; url: string; body?: string }[] = [];
  const send = async (request: { method: string; url: string; body?: string }) => {
    requests.push(request);
    const { status = 200, headers = {}, body = {} } = replies[`${request.method} ${request.url}`] ?? { status: 404 };
    return { url: request.url, status, headers, body: typeof body === "string" ? body : JSON.stringify(body) };
  };
  const own: Credentials = {
    authUrl,
    authentication: { kind: "document", document: { identity: "me" } },
    interface: "public",
    http: { send } as unknown as HttpClient,
    ...more,
  };
  return { own, requests };
}

const SIGNED_IN = { status: 201, headers: { "x-subject-token": "t" }, body: { token: { project: { id: "p" } } } };
const VERSIONS = {
  versions: {
    values: [
      { id: "v2.0", status: "deprecated", links: [{ rel: "self", href: "http://k/old/" }] },
      { id: "v3.14", status: "stable", links: [{ rel: "self", href: "http://k/identity/v3" }] },
    ],
  },
};

test("signs in at an address of version 3", async () => {
  const { own, requests } = credentials("http://k/v3", { "POST http://k/v3/auth/tokens": SIGNED_IN });
  expect(await signIn(own)).toMatchObject({ token: "t", document: { project: { id: "p" } } });
  expect(JSON.parse(requests[0]?.body as string)).toEqual({ auth: { identity: "me" } });
});

test.each(["http://k", "http://k/", "http://k/v2.0/?x=1#y"])("asks Keystone for version 3 at %s", async (address) => {
  const { own } = credentials(address, {
    "GET http://k/": { status: 300, body: VERSIONS },
    "POST http://k/identity/v3/auth/tokens": SIGNED_IN,
  });
  expect((await signIn(own)).token).toBe("t");
});

test("a token is looked at, and stays the token", async () => {
  const authentication = { kind: "token", token: "mine" } as const;
  const { own } = credentials(
    "http://k/v3",
    { "GET http://k/v3/auth/tokens": { body: { token: {} } } },
    { authentication },
  );
  expect((await signIn(own)).token).toBe("mine");
});

test.each<[string, Reply, RegExp]>([
  [
    "a refusal",
    { status: 401, body: { error: { message: "no such user" } } },
    /answered 401 to the sign-in: no such user\n {2}fix: correct user/,
  ],
  ["another place", { status: 302, headers: { location: "http://other/" } }, /leads on to "http:\/\/other\/"/],
  ["a page", { status: 500, body: "<html>" }, /answered 500.*\n {2}fix: .*dashboard/],
  ["no token", { status: 201, body: { token: {} } }, /answered 201 without a token/],
])("fails for %s in the place of a token", async (_, reply, message) => {
  const { own } = credentials("http://k/v3", { "POST http://k/v3/auth/tokens": reply });
  await expect(signIn(own)).rejects.toThrow(message);
});

test("fails for a Keystone without version 3", async () => {
  const { own } = credentials("http://k", { "GET http://k/": { body: { versions: { values: [] } } } });
  await expect(signIn(own)).rejects.toThrow(/has no version 3 of Keystone's API/);
});

describe("a service's address", () => {
  const endpoints = [
    { interface: "internal", region: "North", url: "http://inside/" },
    { interface: "public", region: "North", url: "http://north//" },
    { interface: "public", region_id: "South", url: "http://south" },
  ];
  const session = (more: Partial<Credentials>, catalog: unknown = [{ type: "image", endpoints }]) =>
    ({ credentials: credentials("http://k/v3", {}, more).own, document: { catalog } }) as unknown as Session;

  test("is that of interface and region", () => {
    expect(serviceEndpoint(session({}), "image")).toBe("http://north");
    expect(serviceEndpoint(session({ region: "South" }), "image")).toBe("http://south");
    expect(serviceEndpoint(session({ interface: "internal" }), "image")).toBe("http://inside");
    expect(serviceEndpoint(session({ region: "West" }), "image")).toBeUndefined();
    expect(serviceEndpoint(session({}), "compute")).toBeUndefined();
    expect(serviceEndpoint(session({}, undefined), "image")).toBe("http://north");
  });

  test("fails with what the catalog lacks", () => {
    expect(withoutService(session({ region: "West" }), "images").message).toMatch(
      /no public endpoint of images in the region "West"\n {2}fix: correct OS_REGION_NAME/,
    );
    expect(withoutService(session({}, []), "images").message).toMatch(/the sign-in is for no project/);
  });
});

test("fails for no address of Keystone, or one that is none", () => {
  expect(() => credentialsFrom({})).toThrow(/no address of Keystone is set\n {2}fix: set OS_CLOUD/);
  expect(() => credentialsFrom({ OS_AUTH_URL: "keystone:5000" })).toThrow(/"keystone:5000" is no address of Keystone/);
});
