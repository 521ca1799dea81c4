/** The features of system-base, and what system.sh writes, without a guest. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { base64, Sandbox } from "./support/sandbox";

jest.setTimeout(60_000);

const SCRIPT = "system-base/scripts/features.sh";

let sandbox: Sandbox;
let scratch: string;

beforeEach(() => {
  sandbox = new Sandbox("system-base");
  scratch = mkdtempSync(join(tmpdir(), "visa-features-"));
});

afterEach(() => {
  sandbox.remove();
  rmSync(scratch, { recursive: true, force: true });
});

test("nothing is done where nothing is switched on", () => {
  const before = spawnSync("find", [join(sandbox.folder, "etc"), "-printf", "%p %T@\n"], { encoding: "utf8" }).stdout;
  expect(sandbox.script(SCRIPT)).toEqual({ status: 0, text: "" });
  expect(spawnSync("find", [join(sandbox.folder, "etc"), "-printf", "%p %T@\n"], { encoding: "utf8" }).stdout).toBe(
    before,
  );
  expect(sandbox.calls()).toEqual([]);
});

describe("proxy", () => {
  const set = (proxy: string, without = "") => sandbox.script(SCRIPT, { VISA_PROXY: proxy, VISA_NO_PROXY: without });

  test("is known to logins, services and apt, and never in the way of the metadata", () => {
    expect(set("http://proxy.example:3128/", "intra.example, .local.example,10.0.0.0/8")).toMatchObject({ status: 0 });
    const without = "localhost,127.0.0.1,::1,169.254.169.254,intra.example,.local.example,10.0.0.0/8";
    const environment = sandbox.read("/etc/environment").split("\n");
    expect(environment).toContain("http_proxy=http://proxy.example:3128");
    expect(environment).toContain(`no_proxy=${without}`);
    const services = sandbox.read("/etc/systemd/system.conf.d/90-visa-proxy.conf");
    expect(services).toContain('[Manager]\nDefaultEnvironment="http_proxy=http://proxy.example:3128"\n');
    expect(services).toContain(`DefaultEnvironment="no_proxy=${without}"\n`);
    const { text } = sandbox.run(["-c", "apt-config dump Acquire"]);
    expect(text).toContain('Acquire::http::Proxy "http://proxy.example:3128";');
    expect(text).toContain('Acquire::https::Proxy::intra.example "DIRECT";');
  });

  test("twice is as good as once, and the second proxy is the one", () => {
    set("http://first.example:1");
    set("http://second.example:2");
    const environment = sandbox.read("/etc/environment");
    expect(environment).not.toContain("first.example");
    expect(environment.match(/^http_proxy=/gm)).toHaveLength(1);
  });

  test.each([
    ["credentials", "http://joe:s3cret@proxy.example:3128", "", /credentials, which would be in the image/],
    ["a user alone", "joe@proxy.example:3128", "", /credentials/],
    ["no address", "proxy.example:3128", "", /not the address of a proxy/],
    ["a quote", 'http://x"; DPkg::Pre-Invoke {"id"};', "", /not the address of a proxy/],
    ["a newline", "http://x\nLD_PRELOAD=/x", "", /not the address of a proxy/],
    ["a host that is none", "http://x:1", 'a"b', /in no_proxy is neither/],
  ])("fails with %s, and writes nothing", (_, proxy, without, message) => {
    const { status, text } = set(proxy, without);
    expect(status).not.toBe(0);
    expect(text).toMatch(message);
    expect(text).not.toContain("s3cret");
    expect(sandbox.read("/etc/environment")).not.toContain("http_proxy");
    expect(sandbox.read("/etc/apt/apt.conf.d/80visa-proxy")).toBe("");
  });
});

/** A self-signed certificate, of a CA unless told otherwise. */
function certificate(name: string, ca = true): string {
  const file = join(scratch, "certificate.pem");
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-out", file],
      ...["-keyout", join(scratch, "key.pem"), "-addext", `basicConstraints=critical,CA:${ca ? "TRUE" : "FALSE"}`],
    ],
    { stdio: "ignore" },
  );
  return readFileSync(file, "utf8");
}

describe("ca-certificates", () => {
  const trust = (pem: string) => sandbox.script(SCRIPT, { VISA_CA_CERTIFICATES_BASE64: base64(pem) });

  test("makes the system trust what they signed", () => {
    const [one, two] = [certificate("Facility CA 1"), certificate("Facility CA 2")];
    const check = (pem: string) => {
      writeFileSync(join(scratch, "checked.pem"), pem);
      const command = `openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt ${join(scratch, "checked.pem")}`;
      return sandbox.run(["-c", command]).status;
    };
    expect(check(one)).not.toBe(0);
    const { status, text } = trust(`Subject: the first\r\n${one.replaceAll("\n", "\r\n")}\n${two}`);
    expect(text).toContain("ca-certificates: 2 more are trusted");
    expect(status).toBe(0);
    expect(check(one)).toBe(0);
    expect(check(two)).toBe(0);
    const folder = join(sandbox.folder, "local/share/ca-certificates");
    expect(readdirSync(folder)).toEqual(["visa-facility-01.crt", "visa-facility-02.crt"]);
  });

  test.each<[string, () => string, RegExp]>([
    ["no PEM", () => "a certificate", /no line -----BEGIN CERTIFICATE-----/],
    ["a garbled one", () => certificate("X").replace(/\n.{20}/, "\n"), /certificate 1 of ca_certificates is garbled/],
    ["one of a server", () => certificate("www.example", false), /certificate 1 .* is not that of a CA: subject.*www/],
    [
      "a private key",
      () => certificate("X") + readFileSync(join(scratch, "key.pem"), "utf8"),
      /private key in ca_certificates/,
    ],
  ])("fails for %s", (_, pem, message) => {
    const { status, text } = trust(pem());
    expect(status).not.toBe(0);
    expect(text).toMatch(message);
  });
});

describe("apt-sources", () => {
  const KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----";
  const add = (text: string, key = "") =>
    sandbox.script(SCRIPT, {
      VISA_APT_SOURCES_BASE64: base64(text),
      VISA_APT_SOURCES_KEY_BASE64: base64(key),
    });
  const source = "Types: deb\nURIs: http://packages.example/debian\nSuites: bookworm\nComponents: main";

  test("get the key where they name none", () => {
    const own = `${source.replace("packages", "other")}\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg`;
    expect(add(`# ours\n\n${source}\n\n# and\n${own}\n`, KEY)).toMatchObject({ status: 0 });
    expect(sandbox.read("/etc/apt/sources.list.d/visa-facility.sources")).toBe(
      `${source}\nSigned-By: /etc/apt/keyrings/visa-facility.asc\n\n# and\n${own}\n\n`,
    );
    expect(sandbox.read("/etc/apt/keyrings/visa-facility.asc")).toBe(`${KEY}\n`);
    expect(sandbox.calls().join()).toMatch(/^apt-get update .*Error-Mode=any/);
    const { text } = sandbox.run(["-c", "/usr/bin/apt-get update --print-uris"]);
    expect(text).toMatch(/http:\/\/packages\.example\/debian\/dists\/bookworm\/InRelease/);
  });

  test("are refused where apt cannot read them", () => {
    sandbox.stub("apt-get", "exit 100");
    expect(add(source, KEY)).toMatchObject({ status: 1, text: expect.stringContaining("apt does not take these") });
  });

  test.each([
    ["no key", source, "", /no Signed-By, and apt_sources_key is empty/],
    ["a key that is none", source, "abc", /not a public PGP key/],
    ["no need of signatures", `${source}\nTrusted: yes`, KEY, /without a signature/],
    ["credentials", source.replace("packages", "joe:s3cret@packages"), KEY, /credentials in apt_sources/],
    ["the old format", "deb http://packages.example/debian bookworm main", KEY, /has no URIs/],
    ["nothing but comments", "# later", KEY, /not in the deb822 format/],
  ])("fails with %s", (_, text, key, message) => {
    const outcome = add(text, key);
    expect(outcome.status).not.toBe(0);
    expect(outcome.text).toMatch(message);
    expect(sandbox.calls()).toEqual([]);
  });
});

describe("system.sh", () => {
  const environment = { VISA_TIMEZONE: "Etc/UTC", VISA_LOCALE: "C.UTF-8" };
  beforeEach(() => {
    mkdirSync(join(sandbox.folder, "etc/default"), { recursive: true });
    for (const name of ["update-grub", "grub-install", "passwd"]) sandbox.stub(name, "");
    sandbox.stub("findmnt", "echo /dev/vda1");
    sandbox.stub("lsblk", "echo vda");
  });

  test.each([
    ["us", "us", ""],
    ["ch(fr)", "ch", "fr"],
    ["de(nodeadkeys)", "de", "nodeadkeys"],
  ])("writes the keyboard %s, and limits the journal", (keyboard, layout, variant) => {
    expect(sandbox.script("system-base/scripts/system.sh", { ...environment, VISA_KEYBOARD: keyboard }).status).toBe(0);
    const { text } = sandbox.run(["-c", '. /etc/default/keyboard; echo "$XKBLAYOUT/$XKBVARIANT/$XKBMODEL"']);
    expect(text).toBe(`${layout}/${variant}/pc105\n`);
    expect(sandbox.read("/etc/systemd/journald.conf.d/90-visa.conf")).toBe("[Journal]\nSystemMaxUse=200M\n");
  });

  test("sets cloud-init up where the base has not: a config drive, and no user of the distribution's", () => {
    const file = "etc/cloud/cloud.cfg.d/90_visa.cfg";
    expect(sandbox.script("system-base/scripts/system.sh", environment).status).toBe(0);
    expect(sandbox.read(`/${file}`)).toMatch(
      /^datasource_list: \[ConfigDrive, OpenStack, None\]$[\s\S]*^users: \[\]$/m,
    );
    writeFileSync(join(sandbox.folder, file), "the base's\n");
    expect(sandbox.script("system-base/scripts/system.sh", environment).status).toBe(0);
    expect(sandbox.read(`/${file}`)).toBe("the base's\n");
  });

  test.each(['us"; reboot; "', "de, fr", "(fr)"])("fails for the keyboard %j", (keyboard) => {
    const { status, text } = sandbox.script("system-base/scripts/system.sh", {
      ...environment,
      VISA_KEYBOARD: keyboard,
    });
    expect(status).toBe(1);
    expect(text).toContain("is not an XKB layout");
  });
});
