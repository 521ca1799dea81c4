/** Assertions 22 to 36: who gets in with what, by PAM's service `xrdp-sesman`. */
import { generateKeyPairSync } from "node:crypto";
import { inspectTokenKey } from "../../template/pam-public-key";
import { guestFile } from "../instance/guest-agent";
import { makeTokenKeyPair, TOKEN_LIFETIME_SECONDS } from "../token";
import { type Check, expect, NotApplicable } from "./check";
import type { Subject } from "./subject";

/** One attempt to log in; see guest/pam.py. */
interface Attempt {
  readonly service?: string;
  readonly user: string;
  readonly password: string;
  readonly key?: string | null;
}

/** What PAM's functions returned, in their order; 0 is success. */
interface Answer {
  readonly start?: number;
  readonly authenticate?: number;
  readonly account?: number;
  readonly setcred?: number;
  readonly session?: number;
}

async function attempt({ guest }: Subject, attempts: readonly Attempt[]): Promise<Answer[]> {
  const cases = attempts.map((each) => ({ service: "xrdp-sesman", ...each }));
  const { code, stdout, stderr } = await guest.exec(["python3", "-c", guestFile("pam.py")], {
    stdin: JSON.stringify(cases),
    timeoutSeconds: 60 + attempts.length * 10,
  });
  expect(code === 0, `PAM could not be asked: ${stderr.slice(-500)}`);
  return JSON.parse(stdout) as Answer[];
}

async function allRefused(subject: Subject, attempts: Readonly<Record<string, Attempt>>): Promise<string> {
  const answers = await attempt(subject, Object.values(attempts));
  Object.keys(attempts).forEach((what, index) => {
    expect(answers[index]?.authenticate !== 0, `${what} logs in`);
    expect(answers[index]?.authenticate !== undefined, `PAM did not start for ${what}`);
  });
  return Object.keys(attempts).join(", ");
}

async function now({ guest }: Subject): Promise<number> {
  return Number(await guest.text("date +%s"));
}

/** Makes two accounts whose names begin like each other's, for the time of `use`. */
async function withNeighbour<T>(subject: Subject, name: string, use: () => Promise<T>): Promise<T> {
  await subject.guest.text(`getent passwd ${name} >/dev/null || useradd --create-home ${name}`);
  try {
    return await use();
  } finally {
    await subject.guest.run(`userdel --remove ${name}`);
  }
}

/** Of the image, as a template promises the part `login`. */
export const LOGIN_CHECKS: readonly Check[] = [
  {
    ...{ assertion: 22, boot: "main", profile: "gate" },
    async run(subject) {
      const [answer] = await attempt(subject, [{ user: subject.owner, password: subject.token() }]);
      expect(answer?.authenticate === 0, `PAM answers ${JSON.stringify(answer)}`);
      return undefined;
    },
  },
  {
    ...{ assertion: 34, boot: "main", profile: "gate" },
    async run(subject) {
      const [answer] = await attempt(subject, [{ user: subject.owner, password: subject.token() }]);
      const { account, setcred, session } = answer ?? {};
      expect(account === 0 && setcred === 0 && session === 0, `PAM answers ${JSON.stringify(answer)}`);
      return undefined;
    },
  },
  {
    ...{ assertion: 23, boot: "main", profile: "full" },
    async run(subject) {
      const user = subject.owner;
      // What is a second too old is refused; what has ten seconds left for the way is taken.
      const young = subject.token({ epoch: (await now(subject)) - TOKEN_LIFETIME_SECONDS + 10 });
      const [taken] = await attempt(subject, [{ user, password: young }]);
      expect(taken?.authenticate === 0, "a token of 50 s is refused");
      const old = subject.token({ epoch: (await now(subject)) - TOKEN_LIFETIME_SECONDS - 2 });
      return allRefused(subject, { "a token of 62 s": { user, password: old } });
    },
  },
  {
    ...{ assertion: 24, boot: "main", profile: "gate" },
    run: (subject) =>
      allRefused(subject, {
        "a token by another key": {
          user: subject.owner,
          password: subject.token({ privateKey: makeTokenKeyPair().privateKey }),
        },
      }),
  },
  {
    ...{ assertion: 25, boot: "main", profile: "full" },
    run(subject) {
      const user = subject.owner;
      const token = subject.token();
      const [payload = "", signature = ""] = token.split(";");
      const flipped = `${signature[0] === "A" ? "B" : "A"}${signature.slice(1)}`;
      const later = payload.replace(/\d$/, (digit) => `${(Number(digit) + 1) % 10}`);
      return allRefused(subject, {
        "a changed date": { user, password: `${later};${signature}` },
        "a changed signature": { user, password: `${payload};${flipped}` },
        "a signature cut off": { user, password: token.slice(0, -8) },
        "bytes behind it": { user, password: `${token}x` },
      });
    },
  },
  {
    ...{ assertion: 26, boot: "main", profile: "gate" },
    run: (subject) =>
      allRefused(subject, {
        "an empty password": { user: subject.owner, password: "" },
        "the owner's name": { user: subject.owner, password: subject.owner },
        "an asterisk": { user: subject.owner, password: "*" },
      }),
  },
  {
    ...{ assertion: 27, boot: "main", profile: "gate" },
    run: (subject) => {
      const longer = `${subject.owner.slice(0, 28)}bugs`;
      return withNeighbour(subject, longer, () =>
        allRefused(subject, {
          [`${longer}'s token at ${subject.owner}'s account`]: {
            user: subject.owner,
            password: subject.token({ user: longer }),
          },
        }),
      );
    },
  },
  {
    ...{ assertion: 28, boot: "main", profile: "gate" },
    run: (subject) =>
      allRefused(subject, {
        "root's token": { user: "root", password: subject.token({ user: "root" }) },
        "rooth's token at root's account": { user: "root", password: subject.token({ user: "rooth" }) },
        "a system user's token": { user: "daemon", password: subject.token({ user: "daemon" }) },
      }),
  },
  {
    ...{ assertion: 29, boot: "main", profile: "full" },
    async run(subject) {
      const password = subject.token({ epoch: (await now(subject)) + 600 });
      return allRefused(subject, { "ten minutes ahead": { user: subject.owner, password } });
    },
  },
  {
    ...{ assertion: 30, boot: "main", profile: "full" },
    run(subject) {
      const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const key = publicKey.export({ type: "spki", format: "pem" }) as string;
      const user = subject.owner;
      return allRefused(subject, {
        "a token by the EC key": { user, password: subject.token({ privateKey }), key },
        "a token by the RSA key": { user, password: subject.token(), key },
        "a malformed signature": { user, password: `${subject.token().split(";")[0]};AAAA`, key },
        "root, with a malformed signature": {
          user: "root",
          password: `root,${Math.floor(Date.now() / 1000)};AAAA`,
          key,
        },
      });
    },
  },
  {
    ...{ assertion: 31, boot: "main", profile: "full" },
    run(subject) {
      const user = subject.owner;
      const garbled = subject.keys.publicKey.replace(/^[A-Za-z0-9+/]{20}/m, "?".repeat(20));
      return allRefused(subject, {
        "without a key": { user, password: subject.token(), key: null },
        "with an empty key": { user, password: subject.token(), key: "" },
        "with a garbled key": { user, password: subject.token(), key: garbled },
        "with half a key": { user, password: subject.token(), key: subject.keys.publicKey.slice(0, 80) },
      });
    },
  },
  {
    ...{ assertion: 32, boot: "main", profile: "full" },
    async run(subject) {
      const { guest, owner } = subject;
      const before = await guest.text("systemctl show --property=MainPID,NRestarts xrdp-sesman.service");
      const payload = subject.token().split(";")[0];
      const refused = await allRefused(
        subject,
        Object.fromEntries(
          ["=", "==", "AAAA", "A".repeat(4096), ""].map((signature) => [
            signature.length > 10 ? "4 kB of A" : `"${signature}"`,
            { user: owner, password: `${payload};${signature}` },
          ]),
        ),
      );
      const after = await guest.text("systemctl show --property=MainPID,NRestarts xrdp-sesman.service");
      expect(after === before, `the session manager was started anew: ${before} → ${after}`);
      return refused;
    },
  },
  {
    ...{ assertion: 33, boot: "main", profile: "full" },
    async run({ guest }) {
      const { stdout } = await guest.run("grep -rl pam_cap /etc/pam.d/xrdp-sesman /etc/pam.d/common-auth; true");
      const { stdout: there } = await guest.run(
        "ls /lib/*/security/pam_cap.so /usr/lib/*/security/pam_cap.so 2>/dev/null; true",
      );
      expect(
        !stdout.includes("xrdp-sesman"),
        "the stack of xrdp-sesman names pam_cap: its answers depend on whether that is installed",
      );
      return there.trim() ? "installed; the stack does not name it" : "not installed: all answers here are without it";
    },
  },
  {
    ...{ assertion: 35, boot: "main", profile: "full" },
    async run(subject) {
      const { guest, owner } = subject;
      const { stdout } = await guest.run("cd /etc/pam.d && ls sshd sudo login 2>/dev/null; true");
      const services = stdout.trim().split("\n").filter(Boolean);
      if (services.length === 0) throw new NotApplicable("the image has none of these services");
      const refused = await allRefused(
        subject,
        Object.fromEntries(services.map((service) => [service, { service, user: owner, password: subject.token() }])),
      );
      // PAM's answers for su are others for root, who needs no password: the program itself, run by nobody.
      const su = await guest.exec(["runuser", "-u", "nobody", "--", "su", owner, "-c", "true"], {
        stdin: `${subject.token()}\n`,
      });
      expect(su.code !== 0, "su logs in");
      return `${refused}, su`;
    },
  },
  {
    ...{ assertion: 36, boot: "main", profile: "gate" },
    async run({ guest }) {
      const { stdout } = await guest.run("cat /etc/visa/public.pem");
      const { bits, problems, warnings } = inspectTokenKey(stdout);
      expect(problems.length === 0, problems.join("; "));
      return [`${bits} bits`, ...warnings].join("; ");
    },
  },
];
