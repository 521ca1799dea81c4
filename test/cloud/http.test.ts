import { createServer, type RequestListener } from "node:http";
import { HttpClient, type HttpOptions, jsonOf } from "../../lib/cloud/http";
import { certify, makeAuthority } from "../support/certificate-authority";
import { type Running, running, type SiteProxy, startProxy, startTls } from "../support/proxies";
import { scratchFolder } from "../support/scratch";

const authority = makeAuthority(scratchFolder());
const certificate = certify(authority, ["cloud.test", "127.0.0.1"]);
const closing: (() => Promise<unknown>)[] = [];
let answer: RequestListener;
let requests: string[];
let plain: Running;
let secure: Running;
let proxy: SiteProxy;

beforeAll(async () => {
  plain = await running(createServer((request, response) => answer(request, response)));
  secure = await startTls(plain, certificate);
  proxy = await startProxy("jane:p@ss/word");
});
afterAll(() => Promise.all([plain.close(), secure.close(), proxy.close()]));
beforeEach(() => {
  requests = [];
  proxy.asked.length = 0;
  answer = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.end("hello");
  };
});
afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

function client(options: Partial<HttpOptions> = {}): HttpClient {
  const made = new HttpClient({ environment: {}, fix: "look at the address", ...options });
  closing.push(() => made.close());
  return made;
}
const get = (made: HttpClient, url: string) => made.send({ method: "GET", url });

describe("certificates", () => {
  const url = () => `https://127.0.0.1:${secure.port}/`;

  test("an authority that is given, one that the system trusts, or none at all", async () => {
    expect(await get(client({ authorities: [authority.cert] }), url())).toMatchObject({ status: 200, body: "hello" });
    expect(await get(client({ environment: { SSL_CERT_FILE: authority.file } }), url())).toMatchObject({ status: 200 });
    expect(await get(client({ insecure: true }), url())).toMatchObject({ status: 200 });
  });

  test("fails for an authority that nobody knows, saying so", async () => {
    await expect(get(client(), url())).rejects.toThrow(/127.0.0.1:\d+": its certificate is signed by no authority/);
  });

  test("fails for the other protocol, naming it", async () => {
    await expect(get(client(), `https://127.0.0.1:${plain.port}`)).rejects.toThrow(/is it http:/);
  });

  test("a certificate of its own is shown to who asks for it", async () => {
    const asking = await startTls(plain, { ...certificate, requestCert: true, ca: authority.cert });
    closing.push(() => asking.close());
    const address = `https://127.0.0.1:${asking.port}/`;
    const authorities = [authority.cert];
    await expect(get(client({ authorities }), address)).rejects.toThrow(/cannot reach/);
    expect(await get(client({ authorities, clientCertificate: certificate }), address)).toMatchObject({ status: 200 });
  });
});

describe("proxies", () => {
  const address = (login = "jane:p%40ss%2Fword@") => `http://${login}127.0.0.1:${proxy.port}`;

  test("HTTP and HTTPS go through the proxy of the environment, with its login", async () => {
    const made = client({
      environment: { HTTP_PROXY: address(), HTTPS_PROXY: address() },
      authorities: [authority.cert],
    });
    expect(await get(made, `http://cloud.test:${plain.port}/a`)).toMatchObject({ status: 200, body: "hello" });
    expect(await get(made, `https://cloud.test:${secure.port}/b`)).toMatchObject({ status: 200, body: "hello" });
    expect(proxy.asked).toEqual([`cloud.test:${plain.port}`, `cloud.test:${secure.port}`]);
    expect(requests).toEqual(["GET /a", "GET /b"]);
  });

  test("this machine is asked directly", async () => {
    await get(client({ environment: { HTTP_PROXY: address() } }), `http://127.0.0.1:${plain.port}`);
    expect(proxy.asked).toEqual([]);
  });

  test("fails where the proxy wants a login, naming the proxy without the login", async () => {
    const made = client({ environment: { HTTPS_PROXY: address("jane:wrong@") }, authorities: [authority.cert] });
    const failing = get(made, `https://cloud.test:${secure.port}`);
    await expect(failing).rejects.toThrow(/through the proxy "127.0.0.1:\d+".*407/);
    await expect(failing).rejects.toThrow(expect.objectContaining({ message: expect.not.stringContaining("wrong") }));
  });
});

describe("attempts", () => {
  const failFirst = (times: number, fail: RequestListener): RequestListener => {
    let left = times;
    return (request, response) => {
      requests.push(String(request.method));
      if (left-- > 0) fail(request, response);
      else response.end("at last");
    };
  };

  test("a connection that is cut off and a server that starts again are asked once more", async () => {
    answer = failFirst(1, (request) => request.socket.destroy());
    expect((await get(client(), `http://127.0.0.1:${plain.port}`)).body).toBe("at last");
    answer = failFirst(2, (_, response) => response.writeHead(503).end());
    expect((await get(client(), `http://127.0.0.1:${plain.port}`)).body).toBe("at last");
    expect(requests).toHaveLength(5);
  });

  test("what changes something is sent once, unless it says that twice does no harm", async () => {
    const post = { method: "POST", url: `http://127.0.0.1:${plain.port}`, body: "{}" } as const;
    answer = failFirst(1, (_, response) => response.writeHead(503).end());
    expect((await client().send(post)).status).toBe(503);
    answer = failFirst(1, (_, response) => response.writeHead(503).end());
    expect((await client().send({ ...post, repeatable: true })).status).toBe(200);
  });

  test("fails where it stays so, and where nobody answers in time", async () => {
    answer = (request) => request.socket.destroy();
    await expect(get(client(), `http://127.0.0.1:${plain.port}`)).rejects.toThrow(/cannot reach.*\n {2}fix: look at/);
    answer = () => {};
    await expect(get(client({ timeoutMs: 200 }), `http://127.0.0.1:${plain.port}`)).rejects.toThrow(/in time/);
  });
});

test("fails with an answer that has no end", async () => {
  answer = (_, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(1 << 20)));
    };
    response.on("drain", more);
    more();
  };
  await expect(get(client(), `http://127.0.0.1:${plain.port}`)).rejects.toThrow(/more than 16 MiB/);
});

test("fails for a page in place of JSON, with its words", async () => {
  answer = (_, response) =>
    response
      .writeHead(200, { "content-type": "text/html" })
      .end("<html><style>a{}</style><h1>Please sign\nin</h1></html>");
  const page = await get(client(), `http://127.0.0.1:${plain.port}`);
  expect(() => jsonOf(page, "ask for the API's address")).toThrow(
    /answered 200 with text\/html, not with JSON: "Please sign in"\n {2}fix: ask/,
  );
});
