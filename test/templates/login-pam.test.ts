import { execFileSync, spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { makeToken, makeTokenKeyPair } from "../../lib/verify/token";

const login = join(__dirname, "../../templates/visa-base/login");
const client = join(__dirname, "../../lib/verify/guest/pam.py");

interface Key {
  readonly kind: "file" | "missing" | "pipe" | "folder" | "link" | "writable" | "open folder";
  readonly pem?: string;
}
interface Attempt {
  readonly user: string;
  readonly password: string | Buffer;
  readonly key?: Key;
  readonly service?: string;
  readonly allowed?: string;
}
interface Answer {
  readonly start: number;
  readonly authenticate?: number;
  readonly account?: number;
  readonly setcred?: number;
  readonly session?: number;
  readonly seconds: number;
  readonly log: readonly string[];
}

const pair = makeTokenKeyPair();
const good: Key = { kind: "file", pem: pair.publicKey };
const now = () => Math.floor(Date.now() / 1000);
const token = (user: string, age = 0, privateKey = pair.privateKey) =>
  makeToken({ user, epoch: now() - age, privateKey });

/** Logs in by Linux-PAM itself, with the stack as it is shipped, in a namespace of its own. */
function attempt(attempts: readonly Attempt[], capability = false): Answer[] {
  const root = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  const base64 = (x: string | Buffer) => Buffer.from(x as string).toString("base64");
  const out = execFileSync(
    "unshare",
    ["--mount", ...root, "/usr/bin/python3", join(__dirname, "login-pam.py"), login, client],
    {
      input: JSON.stringify({
        capability,
        cases: attempts.map(({ user, password, key = good, service = "xrdp-sesman", allowed = "" }) => ({
          user: base64(user),
          password: base64(password),
          key,
          service,
          allowed,
        })),
      }),
      env: { ...process.env, PATH: `/usr/sbin:/usr/bin:/sbin:/bin` },
      maxBuffer: 1 << 26,
      timeout: 55_000,
    },
  );
  return JSON.parse(out.toString()) as Answer[];
}

const [message, signature] = token("joe").split(";") as [string, string];
const ec = generateKeyPairSync("ec", {
  namedCurve: "prime256v1",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const ecKey: Key = { kind: "file", pem: ec.publicKey };

const allowed: [string, () => Attempt][] = [
  ["a fresh token", () => ({ user: "joe", password: token("joe") })],
  ["a token 55 s old", () => ({ user: "joe", password: token("joe", 55) })],
  ["a token for the longer of two names", () => ({ user: "joebloggs", password: token("joebloggs") })],
  ["a token although there is a password", () => ({ user: "secretive", password: token("secretive") })],
  ["the password where there is one", () => ({ user: "secretive", password: "correct horse" })],
  [
    "the password without a key file",
    () => ({ user: "secretive", password: "correct horse", key: { kind: "missing" } }),
  ],
  [
    "a token of a listed user",
    () => ({ service: "listed", allowed: "root\njoe\n", user: "joe", password: token("joe") }),
  ],
  ["a listed user by VISA's module", () => ({ service: "module-yes", allowed: "joe\n", user: "joe", password: "x" })],
];

const refused: [string, () => Attempt][] = [
  ["a token 62 s old", () => ({ user: "joe", password: token("joe", 62) })],
  ["a token dated ten minutes ahead", () => ({ user: "joe", password: token("joe", -600) })],
  ["a token of another key", () => ({ user: "joe", password: token("joe", 0, makeTokenKeyPair().privateKey) })],
  ["a changed payload", () => ({ user: "joe", password: token("jo").replace("jo", "joe") })],
  ["a changed signature", () => ({ user: "joe", password: `${message};${signature.replace(/^./, "/")}` })],
  ["a plain password", () => ({ user: "joe", password: "password" })],
  ["the exclamation mark of a locked account", () => ({ user: "joe", password: "!" })],
  ["an empty password", () => ({ user: "joe", password: "" })],
  ["an account with an empty password", () => ({ user: "blank", password: "" })],
  ["an account with an empty password, with any", () => ({ user: "blank", password: "x" })],
  ["a wrong password", () => ({ user: "secretive", password: "wrong horse" })],
  ["joebloggs' token for joe", () => ({ user: "joe", password: token("joebloggs") })],
  ["joe's token for joebloggs", () => ({ user: "joebloggs", password: token("joe") })],
  ["rooth's token for root", () => ({ user: "root", password: token("rooth") })],
  ["root's token", () => ({ user: "root", password: token("root") })],
  ["root's password", () => ({ user: "root", password: "correct horse" })],
  ["a system user's token", () => ({ user: "rooth", password: token("rooth") })],
  ["a system user's password", () => ({ user: "rooth", password: "correct horse" })],
  ["nobody's token", () => ({ user: "nobody", password: token("nobody") })],
  ["a token of nobody that exists", () => ({ user: "ghost", password: token("ghost") })],
  ["an empty name", () => ({ user: "", password: token("") })],
  ["an EC key, a token of it", () => ({ key: ecKey, user: "joe", password: token("joe", 0, ec.privateKey) })],
  ["an EC key, a malformed signature", () => ({ key: ecKey, user: "joe", password: `${message};AAAA` })],
  ["an EC key, a good RSA token", () => ({ key: ecKey, user: "joe", password: token("joe") })],
  ["a missing key", () => ({ key: { kind: "missing" }, user: "joe", password: token("joe") })],
  [
    "a garbled key",
    () => ({ key: { kind: "file", pem: pair.publicKey.slice(0, 150) }, user: "joe", password: token("joe") }),
  ],
  ["an empty key", () => ({ key: { kind: "file", pem: "" }, user: "joe", password: token("joe") })],
  [
    "a megabyte of key",
    () => ({ key: { kind: "file", pem: "A".repeat(1 << 20) }, user: "joe", password: token("joe") }),
  ],
  ["a folder as key", () => ({ key: { kind: "folder" }, user: "joe", password: token("joe") })],
  ["a pipe as key", () => ({ key: { kind: "pipe" }, user: "joe", password: token("joe") })],
  ["a link as key", () => ({ key: { kind: "link", pem: pair.publicKey }, user: "joe", password: token("joe") })],
  [
    "a key that anyone may write",
    () => ({ key: { kind: "writable", pem: pair.publicKey }, user: "joe", password: token("joe") }),
  ],
  [
    "a folder that anyone may write",
    () => ({ key: { kind: "open folder", pem: pair.publicKey }, user: "joe", password: token("joe") }),
  ],
  ["the signature =", () => ({ user: "joe", password: `${message};=` })],
  ["the signature ==", () => ({ user: "joe", password: `${message};==` })],
  ["the signature AAAA", () => ({ user: "joe", password: `${message};AAAA` })],
  ["4 kB of A", () => ({ user: "joe", password: `${message};${"A".repeat(4096)}` })],
  ["a token with 4 kB behind it", () => ({ user: "joe", password: `${token("joe")}${" ".repeat(4096)}` })],
  [
    "a token of a user who is not listed",
    () => ({ service: "listed", allowed: "joebloggs\n", user: "joe", password: token("joe") }),
  ],
  ["an empty list", () => ({ service: "listed", user: "joe", password: token("joe") })],
  ["a stack whose every line says ignore", () => ({ service: "hollow", user: "secretive", password: "correct horse" })],
  [
    "VISA's module that says ignore",
    () => ({ service: "module-ignore", allowed: "joe\n", user: "joe", password: "x" }),
  ],
  [
    "VISA's module that says yes to root",
    () => ({ service: "module-yes", allowed: "root\n", user: "root", password: "x" }),
  ],
  [
    "VISA's module that says yes to one who is not listed",
    () => ({ service: "module-yes", allowed: "joe\n", user: "joebloggs", password: "x" }),
  ],
  ["a module of VISA's that is missing", () => ({ service: "module", allowed: "joe\n", user: "joe", password: "x" })],
  ["a token for sshd", () => ({ service: "sshd", user: "joe", password: token("joe") })],
  ["a token for sudo", () => ({ service: "sudo", user: "joe", password: token("joe") })],
  ["a token for login", () => ({ service: "login", user: "joe", password: token("joe") })],
];

describe.each([
  ["without libpam-cap", false],
  ["with libpam-cap", true],
])("the stack of xrdp-sesman, %s,", (_name, capability) => {
  it("lets in whoever should be, with credentials and a session", () => {
    const answers = attempt(
      allowed.map(([, make]) => make()),
      capability,
    );
    const found = answers.map((a, i) => [allowed[i]?.[0], a.authenticate, a.account, a.setcred, a.session]);
    expect(found).toEqual(allowed.map(([name]) => [name, 0, 0, 0, 0]));
    for (const { seconds } of answers) expect(seconds).toBeLessThan(5);
  }, 60_000);

  it("fails for everyone else, at once", () => {
    const answers = attempt(
      refused.map(([, make]) => make()),
      capability,
    );
    const entered = refused.map(([name]) => name).filter((_, i) => answers[i]?.authenticate === 0);
    expect(entered).toEqual([]);
    for (const { start, seconds } of answers) {
      expect(start).toBe(0);
      expect(seconds).toBeLessThan(5);
    }
  }, 60_000);
});

describe("the log", () => {
  it("says who and why, and nothing of the token or the password", () => {
    const attempts = [...allowed, ...refused].map(([, make]) => make());
    const answers = attempt(attempts);
    expect(answers[0]?.log.join()).toMatch(/visa-token\[\d+\]: joe: token accepted/);
    const old = allowed.length + refused.findIndex(([name]) => name === "a token 62 s old");
    expect(answers[old]?.log.join()).toMatch(/joe: denied: token expired \d s ago/);
    const log = answers.flatMap((a) => a.log).join("\n");
    for (const { password } of attempts) {
      const [, secret] = password.toString().split(";");
      if (secret && secret.length > 20) expect(log).not.toContain(secret.slice(0, 20));
    }
    for (const secret of ["correct horse", "wrong horse", "AAAAAAAA", String(now()).slice(0, 6)]) {
      expect(log).not.toContain(secret);
    }
    expect(log).not.toMatch(/internal error|Traceback/);
  }, 60_000);

  it("warns of a key that can be factored", () => {
    const weak = makeTokenKeyPair({ bits: 512 });
    const [answer] = attempt([
      { user: "joe", password: token("joe", 0, weak.privateKey), key: { kind: "file", pem: weak.publicKey } },
    ]);
    expect(answer?.authenticate).toBe(0);
    expect(answer?.log.join()).toMatch(/a key of 512 bits is not safe/);
  });

  it("shows that other services never start the verifier", () => {
    const answers = attempt(
      ["sshd", "sudo", "login"].map((service) => ({ service, user: "joe", password: token("joe") })),
    );
    for (const { authenticate, log } of answers) {
      expect(authenticate).not.toBe(0);
      expect(log.join()).not.toContain("visa-token");
    }
  });
});

it("fails with any bytes, through the program and PAM", () => {
  const attempts = [...Array(150)].map((_, index): Attempt => {
    const bytes = Buffer.from(index % 2 ? token("joe") : "x".repeat(index * 4));
    if (index % 2) bytes.writeUInt8((bytes.readUInt8(index) + 1 + (index % 250)) % 256, index);
    else for (let at = 0; at < bytes.length; at++) bytes.writeUInt8(1 + ((at * 131 + index * 31) % 255), at);
    return { user: "joe", password: bytes };
  });
  const answers = attempt(attempts);
  expect(answers.filter((a) => a.authenticate === 0)).toEqual([]);
  expect(answers.flatMap((a) => a.log).join("\n")).not.toMatch(/internal error|signal/);
}, 60_000);

describe("the verifier's program", () => {
  const run = (input: Buffer | string, env: Record<string, string>, ...args: string[]) =>
    spawnSync(join(login, "visa-token"), args, { input, env, encoding: "utf8" });

  it("fails without a word on the screen, whatever its arguments and environment", () => {
    const runs = [
      run("", {}),
      run("\0", { PAM_USER: "root" }),
      run(token("root"), { PAM_USER: "root" }),
      run(token("joe"), { PAM_USER: "joe" }, "--password"),
      run("", { PAM_USER: "\u00e9" }),
      run("", {}, "--users"),
      run("", {}, "--anything"),
      run("x".repeat(1 << 20), { PAM_USER: "x".repeat(1 << 16) }),
    ];
    for (const { status, stdout, stderr, signal } of runs) {
      expect({ status, stdout, stderr, signal }).toEqual({ status: 1, stdout: "", stderr: "", signal: null });
    }
  });

  it("fails rather than wait for a password that never comes to an end", async () => {
    const child = spawn(join(login, "visa-token"), { env: { PAM_USER: "joe" }, stdio: ["pipe", "ignore", "ignore"] });
    const ended = await new Promise((resolve) => child.on("exit", (status, signal) => resolve({ status, signal })));
    child.stdin.destroy();
    expect(ended).toEqual({ status: null, signal: "SIGALRM" });
  }, 15_000);
});

describe("install.sh and visa-token", () => {
  it("are clean shell, and clean Python", () => {
    execFileSync("shellcheck", [join(login, "install.sh")]);
    execFileSync("/usr/bin/python3", [
      "-c",
      `compile(open(${JSON.stringify(join(login, "visa-token"))}).read(), "visa-token", "exec")`,
    ]);
  });
});
