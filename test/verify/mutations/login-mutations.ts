/** What assertions 22 to 36 must catch: who gets in with what. */
import { generateKeyPairSync } from "node:crypto";
import { all, alter, edit, type GuestChange, type Mutation } from "./mutation";

const VISA_TOKEN = "/usr/lib/visa/visa-token";
const STACK = "/etc/pam.d/xrdp-sesman";
const TAKES_TOKENS = `auth sufficient pam_exec.so quiet expose_authtok type=auth ${VISA_TOKEN}`;

/** The verifier of tokens, with some of its lines otherwise. */
const visaToken = (...commands: string[]): GuestChange => edit(VISA_TOKEN, ...commands);

/** A stack of PAM's that takes tokens before anything else. */
const takesTokens = (service: string): GuestChange => edit(`/etc/pam.d/${service}`, `1i ${TAKES_TOKENS}`);

export const LOGIN_MUTATIONS: readonly Mutation[] = [
  {
    what: "the verifier of tokens cannot be run",
    boot: "main",
    caughtBy: { 22: /PAM answers \{"start":0,"authenticate":[1-9]/ },
    change: alter(VISA_TOKEN, `chmod -x ${VISA_TOKEN}`),
    always: true,
  },
  {
    what: "tokens are valid for ten minutes",
    boot: "main",
    caughtBy: { 23: /a token of 62 s logs in/ },
    change: visaToken("s/^MAX_AGE_SECONDS = 60/MAX_AGE_SECONDS = 600/"),
  },
  {
    what: "tokens are valid for 30 seconds",
    boot: "main",
    caughtBy: { 23: /a token of 50 s is refused/ },
    change: visaToken("s/^MAX_AGE_SECONDS = 60/MAX_AGE_SECONDS = 30/"),
  },
  {
    what: "signatures are not looked at",
    boot: "main",
    caughtBy: { 24: /a token by another key logs in/, 25: /a changed date logs in/ },
    change: visaToken("s/if not signed_by\\(.*$/if False:/"),
    always: true,
  },
  {
    what: "the owner's password is their name",
    boot: "main",
    caughtBy: { 26: /the owner's name logs in/ },
    change: ({ owner }) => alter("/etc/shadow", `printf '%s:%s\\n' '${owner}' '${owner}' | chpasswd -c SHA256`),
    always: true,
  },
  {
    what: "names are compared by their beginning",
    boot: "main",
    caughtBy: { 27: /'s token at ada\.lovelace's account logs in/ },
    change: visaToken("s/if name != user:/if not name.startswith(user):/"),
    always: true,
  },
  {
    what: "names are compared by their beginning, and system users may come",
    boot: "main",
    caughtBy: { 28: /root's token logs in/ },
    change: all(
      visaToken("s/^MIN_UID = 1000/MIN_UID = 0/", "s/if name != user:/if not name.startswith(user):/"),
      edit(STACK, "/pam_succeed_if/d"),
    ),
  },
  {
    what: "tokens dated ahead are taken",
    boot: "main",
    caughtBy: { 29: /ten minutes ahead logs in/ },
    change: visaToken("s/^MAX_AHEAD_SECONDS = 5/MAX_AHEAD_SECONDS = 6000/"),
  },
  {
    what: "a key that cannot be read is taken for any signature's",
    boot: "main",
    caughtBy: { 30: /a token by the EC key logs in/, 31: /with an empty key logs in/ },
    change: visaToken(
      "s/^    key = parse_key\\(pem\\)/    try: key = parse_key(pem)\\n    except Denied: return 1024/",
    ),
  },
  {
    what: "a signature of a few characters is taken",
    boot: "main",
    caughtBy: { 32: /"=" logs in/ },
    change: visaToken(
      "s/^    key = parse_key\\(pem\\)/    if len(encoded) < 8: return 1024\\n    key = parse_key(pem)/",
    ),
  },
  {
    what: "a malformed signature ends the session manager",
    boot: "main",
    caughtBy: { 32: /the session manager was started anew|PAM could not be asked/ },
    change: visaToken('s/^        raise Denied\\("not base64"\\) from None/        os.kill(os.getppid(), 9)/'),
  },
  {
    what: "the stack names pam_cap",
    boot: "main",
    caughtBy: { 33: /names pam_cap/ },
    change: edit(STACK, "$a auth optional pam_cap.so"),
    always: true,
  },
  {
    what: "sessions cannot be opened",
    boot: "main",
    caughtBy: { 34: /"session":[1-9]/ },
    change: edit(STACK, "$a session required pam_deny.so"),
    always: true,
  },
  {
    what: "sshd takes tokens",
    boot: "main",
    caughtBy: { 35: /sshd logs in/ },
    change: takesTokens("sshd"),
    always: true,
  },
  {
    what: "sudo takes tokens",
    boot: "main",
    caughtBy: { 35: /sudo logs in/ },
    change: takesTokens("sudo"),
  },
  {
    what: "su takes tokens",
    boot: "main",
    caughtBy: { 35: /su logs in/ },
    change: takesTokens("su"),
  },
  {
    what: "the key is too long for xrdp",
    boot: "main",
    caughtBy: { 36: /2048 bits/ },
    change: () => {
      const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
      const pem = publicKey.export({ type: "spki", format: "pem" });
      return alter("/etc/visa/public.pem", `cat > /etc/visa/public.pem <<'END_OF_KEY'\n${pem}END_OF_KEY`);
    },
    always: true,
  },
];
