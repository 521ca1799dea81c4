import { spawn } from "node:child_process";
import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  privateEncrypt,
  sign,
  verify,
} from "node:crypto";
import { join } from "node:path";
import { makeToken, makeTokenKeyPair } from "../../lib/verify/token";

const verifier = join(__dirname, "../../templates/visa-base/login/visa-token");

interface Case {
  readonly token: string | Buffer;
  readonly user?: string | Buffer;
  readonly now?: number;
  readonly pem?: string;
}

const NOW = 1_800_000_000;
const pair = makeTokenKeyPair();
const other = makeTokenKeyPair();
const valid = (user = "joe", epoch = NOW, key = pair.privateKey) => makeToken({ user, epoch, privateKey: key });

/** The answers of the verifier's code, in one process. */
async function ask(cases: readonly Case[]): Promise<string[]> {
  const base64 = (x: string | Buffer) => Buffer.from(x as string).toString("base64");
  const child = spawn("/usr/bin/python3", ["-IS", join(__dirname, "login-check.py"), verifier], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
  });
  child.stdin.end(
    cases
      .map(({ token, user = "joe", now = NOW, pem = pair.publicKey }) =>
        JSON.stringify({ token: base64(token), user: base64(user), now, pem: base64(pem) }),
      )
      .join("\n"),
  );
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect(code).toBe(0);
  const answers = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as string);
  expect(answers).toHaveLength(cases.length);
  return answers;
}

/** What a token is, said a second time, in other words and with OpenSSL. */
function oracle({ token, user = "joe", now = NOW, pem = pair.publicKey }: Case): boolean {
  const text = Buffer.from(token as string).toString("latin1");
  const match = /^([A-Za-z0-9._@-]{1,64}),([1-9][0-9]{0,11});([A-Za-z0-9+/]+={0,2})$/.exec(text);
  if (!match || text.endsWith("\n")) return false;
  const [, name, epoch, encoded] = match as unknown as [string, string, string, string];
  const signature = Buffer.from(encoded, "base64");
  if (signature.toString("base64") !== encoded || name !== Buffer.from(user as string).toString("latin1")) return false;
  const age = now - Number(epoch);
  return age <= 60 && age >= -5 && verify("sha256", Buffer.from(`${name},${epoch}`, "latin1"), pem, signature);
}

describe("a token of VISA", () => {
  it.each([512, 768, 896, 1024, 1280, 1408, 2048, 3072])("is accepted with a key of %i bits", async (bits) => {
    const { publicKey, privateKey } = makeTokenKeyPair({ bits });
    expect(await ask([{ token: valid("joe", NOW, privateKey), pem: publicKey }])).toEqual(["accepted"]);
  });

  it.each([0, 1, 59, 60, -1, -5])("is accepted %i s after its date", async (age) => {
    expect(await ask([{ token: valid(), now: NOW + age }])).toEqual(["accepted"]);
  });

  it.each(["first.last", "x1", "under_score", "with-dash", "a".repeat(32), "9lives", "first.last@facility.eu"])(
    "is accepted for %s",
    async (user) => {
      expect(await ask([{ token: valid(user), user }])).toEqual(["accepted"]);
    },
  );

  it("is accepted with a key file of Windows' line ends, or without a last one", async () => {
    const token = valid();
    const pems = [pair.publicKey.replace(/\n/g, "\r\n"), pair.publicKey.trimEnd()];
    expect(await ask(pems.map((pem) => ({ token, pem })))).toEqual(["accepted", "accepted"]);
  });
});

describe("fails to log in", () => {
  const [message, signature] = valid().split(";") as [string, string];
  const bits = Buffer.from(signature, "base64");
  const flipped = Buffer.from(bits);
  flipped.writeUInt8(flipped.readUInt8(40) ^ 1, 40);
  const size = bits.length;
  const raw = (block: Buffer) => privateEncrypt({ key: pair.privateKey, padding: constants.RSA_NO_PADDING }, block);
  const digest = createHash("sha256").update(message).digest();
  const info = Buffer.concat([Buffer.from("3031300d060960864801650304020105000420", "hex"), digest]);
  const padded = (head: string, filler: number, tail: Buffer) => {
    const start = Buffer.from(head, "hex");
    return Buffer.concat([start, Buffer.alloc(size - start.length - tail.length, filler), tail]);
  };
  const zero = Buffer.from([0]);
  const withSignature = (block: Buffer) => `${message};${raw(block).toString("base64")}`;
  // The block that is right is accepted: otherwise the ones below would prove nothing.
  it("but for the right block", async () => {
    expect(await ask([{ token: withSignature(padded("0001", 0xff, Buffer.concat([zero, info]))) }])).toEqual([
      "accepted",
    ]);
  });

  const attacks: [string, Case][] = [
    ["62 s after its date", { token: valid(), now: NOW + 62 }],
    ["61 s after its date", { token: valid(), now: NOW + 61 }],
    ["6 s before its date", { token: valid(), now: NOW - 6 }],
    ["ten minutes before its date", { token: valid(), now: NOW - 600 }],
    ["with the wrong key", { token: valid("joe", NOW, other.privateKey) }],
    ["with another user's token that begins alike", { token: valid("joebloggs") }],
    ["with a token of a shorter name", { token: valid("jo") }],
    ["with a token in capitals", { token: valid("JOE") }],
    ["with an empty name", { token: valid(""), user: "" }],
    ["with a name with a comma", { token: valid("joe,1"), user: "joe,1" }],
    ["with a name with a semicolon", { token: valid("joe;x"), user: "joe;x" }],
    ["with a name with a line end", { token: valid("joe\n"), user: "joe\n" }],
    ["with a name with a zero byte", { token: valid("joe\0"), user: "joe\0" }],
    ["with a changed name", { token: valid("joebloggs").replace("joebloggs", "joe") }],
    ["with a changed date", { token: valid("joe", NOW - 1000).replace(String(NOW - 1000), String(NOW)) }],
    ["with one bit of the signature flipped", { token: `${message};${flipped.toString("base64")}` }],
    [
      "with a date in hexadecimal",
      { token: makeToken({ user: "joe", epoch: "0x6b49d200" as never, privateKey: pair.privateKey }) },
    ],
    [
      "with a date with a sign",
      { token: makeToken({ user: "joe", epoch: `+${NOW}` as never, privateKey: pair.privateKey }) },
    ],
    [
      "with a date with a leading zero",
      { token: makeToken({ user: "joe", epoch: `0${NOW}` as never, privateKey: pair.privateKey }) },
    ],
    [
      "with a date with a fraction",
      { token: makeToken({ user: "joe", epoch: NOW + 0.5, privateKey: pair.privateKey }) },
    ],
    [
      "with a date in Arabic digits",
      { token: makeToken({ user: "joe", epoch: "١٨٠٠٠٠٠٠٠٠" as never, privateKey: pair.privateKey }) },
    ],
    [
      "with a date of 300 digits",
      { token: makeToken({ user: "joe", epoch: "1".repeat(300) as never, privateKey: pair.privateKey }) },
    ],
    ["with an empty date", { token: makeToken({ user: "joe", epoch: "" as never, privateKey: pair.privateKey }) }],
    ["with an empty password", { token: "" }],
    ["with a plain password", { token: "correct horse" }],
    ["with separators only", { token: ",;" }],
    ["with no signature", { token: `${message};` }],
    ["with the signature =", { token: `${message};=` }],
    ["with the signature ==", { token: `${message};==` }],
    ["with the signature AAAA", { token: `${message};AAAA` }],
    ["with 4 kB of A", { token: `${message};${"A".repeat(4096)}` }],
    ["with a signature of zeros", { token: `${message};${Buffer.alloc(size).toString("base64")}` }],
    ["with a signature of one", { token: `${message};${padded("", 0, Buffer.from([1])).toString("base64")}` }],
    ["with a signature without its padding", { token: valid().replace(/=+$/, "") }],
    ["with a signature with more padding", { token: `${valid()}=` }],
    ["with a line end after the token", { token: `${valid()}\n` }],
    ["with a zero byte after the token", { token: `${valid()}\0` }],
    ["with a space before the token", { token: ` ${valid()}` }],
    ["with a line end in the signature", { token: `${message};${signature.slice(0, 76)}\n${signature.slice(76)}` }],
    ["with base64 in the alphabet for URLs", { token: `${message};${padded("", 0xfb, zero).toString("base64url")}` }],
    [
      "with a longer signature of the same number",
      { token: `${message};${Buffer.concat([zero, bits]).toString("base64")}` },
    ],
    ["with a signature one byte short", { token: `${message};${bits.subarray(1).toString("base64")}` }],
    ["with two signatures", { token: `${valid()};${signature}` }],
    [
      "with a signature with SHA-1",
      { token: `${message};${sign("sha1", Buffer.from(message), pair.privateKey).toString("base64")}` },
    ],
    [
      "with a signature with SHA-512",
      { token: `${message};${sign("sha512", Buffer.from(message), pair.privateKey).toString("base64")}` },
    ],
    [
      "with a PSS signature",
      {
        token: `${message};${sign("sha256", Buffer.from(message), { key: pair.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }).toString("base64")}`,
      },
    ],
    [
      "with short padding and bytes behind",
      {
        token: withSignature(
          padded("", 7, Buffer.alloc(0)).fill(
            Buffer.concat([Buffer.from("0001ffffffffffffffff00", "hex"), info]),
            0,
            11 + info.length,
          ),
        ),
      },
    ],
    ["with padding of another byte", { token: withSignature(padded("0001", 0xfe, Buffer.concat([zero, info]))) }],
    ["with padding for encryption", { token: withSignature(padded("0002", 0xff, Buffer.concat([zero, info]))) }],
    ["with a bare digest", { token: withSignature(padded("0001", 0xff, Buffer.concat([zero, digest]))) }],
    [
      "with a digest without its NULL",
      {
        token: withSignature(
          padded(
            "0001",
            0xff,
            Buffer.concat([zero, Buffer.from("302f300b0609608648016503040201" + "0420", "hex"), digest]),
          ),
        ),
      },
    ],
  ];
  it.each(attacks)("%s", async (_name, attack) => {
    const [answer] = await ask([attack]);
    expect(answer).not.toBe("accepted");
    expect(answer).not.toMatch(/crash/);
    expect(oracle(attack)).toBe(false);
  });

  const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const ed = generateKeyPairSync("ed25519");
  const dsa = generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 });
  const pss = generateKeyPairSync("rsa-pss", { modulusLength: 1024 });
  const spki = (key: { export(options: { type: "spki"; format: "pem" }): string | Buffer }) =>
    key.export({ type: "spki", format: "pem" }).toString();
  const lines = pair.publicKey.split("\n");
  const der = createPublicKey(pair.publicKey).export({ type: "spki", format: "der" });
  const pemOf = (data: Buffer) => `-----BEGIN PUBLIC KEY-----\n${data.toString("base64")}\n-----END PUBLIC KEY-----\n`;
  const keys: [string, string][] = [
    ["an EC key", spki(ec.publicKey)],
    ["an Ed25519 key", spki(ed.publicKey)],
    ["a DSA key", spki(dsa.publicKey)],
    ["a PSS key", spki(pss.publicKey)],
    ["an empty file", ""],
    ["words", "no key\n"],
    ["only the first line", `${lines[0]}\n`],
    ["one line for begin and end", "-----BEGIN PUBLIC KEY-----"],
    ["a line lost", [lines[0], ...lines.slice(2)].join("\n")],
    ["half a key", pair.publicKey.slice(0, 120)],
    ["two keys", pair.publicKey + other.publicKey],
    ["a private key", pair.privateKey],
    ["PKCS #1", createPublicKey(pair.publicKey).export({ type: "pkcs1", format: "pem" }).toString()],
    ["bytes after the key", pemOf(Buffer.concat([der, Buffer.from([0])]))],
    ["a length of four bytes", pemOf(Buffer.concat([Buffer.from("3084000000", "hex"), der.subarray(2)]))],
    ["an indefinite length", pemOf(Buffer.concat([Buffer.from("3080", "hex"), der.subarray(2)]))],
    ["nothing in the PEM", pemOf(Buffer.alloc(0))],
    ["a thousand sequences", pemOf(Buffer.alloc(2000, 0x30))],
  ];
  it.each(keys)("with %s as the public key", async (_name, pem) => {
    const tokens = [
      valid(),
      `${message};=`,
      `${message};AAAA`,
      `${message};`,
      `${message};${sign("sha256", Buffer.from(message), ec.privateKey).toString("base64")}`,
      `${message};${sign(null, Buffer.from(message), ed.privateKey).toString("base64")}`,
      `${message};${sign("sha256", Buffer.from(message), dsa.privateKey).toString("base64")}`,
    ];
    for (const answer of await ask(tokens.map((token) => ({ token, pem })))) {
      expect(answer).toMatch(/^the public key|^not base64/);
    }
  });

  it("with a private key that is only parsed", () => {
    // The fixtures above are of the kinds that they claim to be.
    expect(createPrivateKey(pair.privateKey).asymmetricKeyType).toBe("rsa");
    expect([ec, ed, dsa, pss].map((k) => k.publicKey.asymmetricKeyType)).toEqual(["ec", "ed25519", "dsa", "rsa-pss"]);
  });
});

describe("with any bytes", () => {
  /** A small generator, so that a failure can be had again. */
  function random(seed: number) {
    let state = seed;
    return (below: number) => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
      state ^= state >>> 12;
      return (state >>> 0) % below;
    };
  }

  it("fails but for the valid ones, of 20,000, as OpenSSL has it", async () => {
    const pick = random(20261123);
    const small = makeTokenKeyPair({ bits: 512 });
    const cases: Case[] = [];
    const pieces = [
      ",",
      ";",
      "=",
      "==",
      "A",
      "\0",
      "\n",
      "joe",
      "root",
      String(NOW),
      "-1",
      "9".repeat(40),
      "é",
      "+",
      "/",
      " ",
    ];
    for (let index = 0; index < 20_000; index++) {
      const epoch = NOW + pick(140) - 70;
      const user = ["joe", "joebloggs", "j", "a".repeat(32)][pick(4)] as string;
      let token = Buffer.from(makeToken({ user, epoch, privateKey: small.privateKey }));
      const kind = index % 5;
      if (kind === 1 || kind === 2) {
        for (let edits = 1 + pick(3); edits > 0 && token.length > 0; edits--) {
          const at = pick(token.length);
          const edit = pick(4);
          if (edit === 0) token.writeUInt8(token.readUInt8(at) ^ (1 << pick(8)), at);
          if (edit === 1) token = Buffer.concat([token.subarray(0, at), token.subarray(at + 1)]);
          if (edit === 2) token = Buffer.concat([token.subarray(0, at), Buffer.from([pick(256)]), token.subarray(at)]);
          if (edit === 3) token = token.subarray(0, at);
        }
      } else if (kind === 3) {
        token = Buffer.from(Array.from({ length: pick(600) }, () => pick(256)));
      } else if (kind === 4) {
        const parts = [...Array(pick(9))].map(() => pieces[pick(pieces.length)]);
        token = Buffer.from(pick(2) ? parts.join("") : `${user},${epoch};${parts.join("")}`);
      }
      cases.push({ token, user: pick(8) ? user : "joe", pem: small.publicKey });
    }
    const started = Date.now();
    const answers = await ask(cases);
    expect(Date.now() - started).toBeLessThan(60_000);
    const wrong = cases.filter((x, i) => (answers[i] === "accepted") !== oracle(x));
    expect(wrong).toEqual([]);
    expect(answers.filter((x) => x.startsWith("crash"))).toEqual([]);
    // Were none of them valid, it would prove nothing.
    expect(answers.filter((x) => x === "accepted").length).toBeGreaterThan(1000);
  }, 120_000);

  it("fails with whatever changed in the public key", async () => {
    const pick = random(7);
    const der = createPublicKey(pair.publicKey).export({ type: "spki", format: "der" });
    const token = valid();
    const cases = [...Array(5000)].map(() => {
      const data = Buffer.from(der);
      for (let edits = 1 + pick(3); edits > 0; edits--) data[pick(data.length)] = pick(256);
      const body = data.equals(der) ? Buffer.alloc(3) : data;
      return { token, pem: `-----BEGIN PUBLIC KEY-----\n${body.toString("base64")}\n-----END PUBLIC KEY-----\n` };
    });
    const answers = await ask(cases);
    expect(answers.filter((x) => x === "accepted" || x.startsWith("crash"))).toEqual([]);
  }, 120_000);
});
