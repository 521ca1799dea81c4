/** The features of visa-base, without a guest. LDAP, NFS homes and data mounts work together in test/integration/ldap. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { base64, type Outcome, Sandbox } from "./support/sandbox";

jest.setTimeout(60_000);

const SCRIPT = "visa-base/scripts/features.sh";

let sandbox: Sandbox;

beforeEach(() => {
  sandbox = new Sandbox("visa-base");
});

afterEach(() => sandbox.remove());

test("nothing is done where nothing is switched on", () => {
  expect(sandbox.script(SCRIPT)).toEqual({ status: 0, text: "" });
  expect(sandbox.calls()).toEqual([]);
  expect(existsSync(sandbox.path("/etc/visa"))).toBe(false);
});

describe("ldap", () => {
  const good = { VISA_LDAP_URI: "ldaps://one.example,ldap://two.example:1389", VISA_LDAP_SEARCH_BASE: "dc=example" };
  const install = (more: Record<string, string> = {}): Outcome => sandbox.script(SCRIPT, { ...good, ...more });

  beforeEach(() => {
    mkdirSync(sandbox.path("/etc/sssd"), { recursive: true });
    sandbox.stub(
      "pam-auth-update",
      'cat /usr/share/pam-configs/visa-owner-only >>/etc/pam.d/common-account; echo "$*"',
    );
    // The stack itself is test/templates/login-pam.
    writeFileSync(sandbox.path("/var/tmp/visa-build/login/install.sh"), 'echo "users only: $VISA_TOKEN_USERS_ONLY"\n');
  });

  test("has sssd ask the directory, encrypted", () => {
    const { status, text } = install();
    expect(status).toBe(0);
    expect(text).toContain("--package --enable visa-owner-only");
    const conf = sandbox.read("/etc/sssd/sssd.conf");
    expect(conf).toContain("\nldap_uri = ldaps://one.example,ldap://two.example:1389\nldap_search_base = dc=example\n");
    expect(conf).toContain("\nldap_id_use_start_tls = true\nldap_tls_reqcert = demand\n");
    expect(conf).toContain("\nldap_tls_cacert = /etc/ssl/certs/ca-certificates.crt\n");
    expect(conf).not.toContain("ldap_default_");
    expect(statSync(sandbox.path("/etc/sssd/sssd.conf")).mode & 0o777).toBe(0o600);
  });

  test("lets tokens and logins of the owner alone count, and makes no local owner", () => {
    expect(install().text).toContain("users only: true");
    expect(sandbox.read("/etc/pam.d/common-account")).toMatch(
      /required\tpam_listfile\.so .*onerr=fail file=\/run\/visa\/owner/,
    );
    expect(existsSync(sandbox.path("/etc/visa/owner-from-directory"))).toBe(true);
  });

  test("keeps the password that looks users up from everyone but root", () => {
    const { text } = install({ VISA_LDAP_BIND_DN: "cn=reader,dc=example", VISA_LDAP_BIND_PASSWORD: 'p$w `x` \\ "q"' });
    const conf = sandbox.read("/etc/sssd/sssd.conf");
    expect(conf).toContain('\nldap_default_bind_dn = cn=reader,dc=example\nldap_default_authtok = p$w `x` \\ "q"\n');
    expect(statSync(sandbox.path("/etc/sssd/sssd.conf")).mode & 0o777).toBe(0o600);
    expect(text).not.toContain("p$w");
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ["another protocol", { VISA_LDAP_URI: "http://x" }, /ldap_uri is "http:\/\/x"/],
    ["a second line", { VISA_LDAP_URI: "ldap://x\nfoo = bar" }, /ldap_uri is/],
    ["no search base", { VISA_LDAP_SEARCH_BASE: "" }, /ldap_search_base is ""/],
    ["a password without a name", { VISA_LDAP_BIND_PASSWORD: "x" }, /without ldap_bind_dn/],
    ["a name without a password", { VISA_LDAP_BIND_DN: "cn=x" }, /without its password/],
    ["neither true nor false", { VISA_LDAP_START_TLS: "yes" }, /expected true or false/],
    ["a CA that is none", { VISA_LDAP_CA_CERTIFICATE_BASE64: base64("x") }, /not a certificate in PEM/],
  ])("fails with %s", (_, more, message) => {
    const { status, text } = install(more);
    expect(status).toBe(1);
    expect(text).toMatch(message);
    expect(sandbox.read("/etc/sssd/sssd.conf")).toBe("");
  });
});

describe("visa-owner", () => {
  const SUCH = "ada:x:5001:5000::/var/tmp/home/ada:/bin/bash";

  beforeEach(() => {
    sandbox.stub("cloud-init", "[[ $2 == ds.meta_data.meta.owner ]] && echo ada");
    sandbox.stub("useradd", 'echo "useradd $*"; touch /run/made');
    sandbox.stub("mkhomedir_helper", 'echo "mkhomedir $*"');
    // An account, once /run/known or /run/made is there.
    sandbox.stub(
      "getent",
      `if [[ $1 == passwd && ( -e /run/known || -e /run/made ) ]]; then echo ${SUCH}; else exit 2; fi`,
    );
    // A second is gone in no time.
    sandbox.stub("sleep", "exit 0");
    mkdirSync(sandbox.path("/etc/visa"));
  });

  const mark = () => writeFileSync(sandbox.path("/etc/visa/owner-from-directory"), "");
  const run = () => sandbox.run(["-c", "SECONDS=0; bash /var/tmp/visa-build/files/visa-owner"]);

  test("makes a local owner, with a home, where no feature is on", () => {
    const { status, text } = run();
    expect(text).toMatch(/useradd --create-home /);
    expect(status).toBe(0);
  });

  test("reads the metadata that cloud-init has written, and asks cloud-init where that is missing", () => {
    const meta = { owner: "ada", pamPublicKey: "one\ntwo\n", empty: "", odd: "ä $(id)" };
    mkdirSync(sandbox.path("/run/cloud-init"));
    const file = sandbox.path("/run/cloud-init/instance-data.json");
    writeFileSync(file, JSON.stringify({ ds: { meta_data: { meta } } }));
    sandbox.stub("cloud-init", "echo asked");
    const value = (key: string) => sandbox.run(["/var/tmp/visa-build/files/visa-owner", "--metadata", key]);
    for (const [key, text] of Object.entries(meta)) expect(value(key)).toEqual({ status: 0, text: `${text}\n` });
    expect(value("nothing")).toEqual({ status: 1, text: "" });
    rmSync(file);
    expect(value("owner")).toEqual({ status: 0, text: "asked\n" });
  });

  describe("before user data", () => {
    /** What the first stage of cloud-init keeps, as it keeps it: objects of classes that are not there for who reads it. */
    const CACHE = `import collections, json, os, pathlib, pickle, sys, types
module = sys.modules["cloudinit"] = types.ModuleType("cloudinit")
class Source: __module__ = "cloudinit"
class Program:
    def __reduce__(self): return os.system, ("touch /run/ran",)
module.Source = Source
source = Source()
source.__dict__.update(json.loads(sys.argv[2]))
if source.userdata_raw and not source.userdata_raw.startswith("#cloud"): source.userdata_raw = source.userdata_raw.encode()
source.paths = pathlib.PurePosixPath("/run"), collections.OrderedDict(a=1), {1, 2}, Program(), [Source()]
with open(sys.argv[1], "wb") as file: pickle.dump(source, file)`;

    /** Runs the script after the first stage, which has found these user data; undefined: none yet in this boot. */
    const early = (userData: string | null | undefined): Outcome => {
      const script = readFileSync(sandbox.path("/var/tmp/visa-build/files/visa-owner"), "utf8");
      // Where cloud-init keeps it is no folder of the sandbox.
      const program = script.replace("/var/lib/cloud/instance/obj.pkl", "/run/obj.pkl");
      writeFileSync(sandbox.path("/run/visa-owner"), program);
      const text = userData?.replace("visa-owner", () => program) ?? null;
      const kept = { metadata: { meta: { owner: "ada" } }, userdata_raw: text };
      execFileSync("python3", ["-c", CACHE, sandbox.path("/run/obj.pkl"), JSON.stringify(kept)]);
      rmSync(sandbox.path("/run/cloud-init/.instance-id"), { force: true });
      if (userData !== undefined) writeFileSync(sandbox.path("/run/cloud-init/.instance-id"), "1\n");
      return sandbox.run(["/run/visa-owner", "--early"]);
    };
    const made = { status: 0, text: expect.stringContaining("useradd --create-home ") };
    const nothing = { status: 0, text: "" };

    beforeEach(() => {
      mkdirSync(sandbox.path("/run/cloud-init"));
    });

    test.each([
      ["without any", null],
      ["with empty ones", ""],
      ["with this very script", "visa-owner"],
      // VISA's form leaves line ends out.
      ["with this script and other line ends", "visa-owner\n\n"],
    ])("%s", (_, userData) => {
      expect(early(userData)).toEqual(made);
      expect(sandbox.read("/run/visa/owner")).toBe("ada\n");
      // What is kept is read, nothing of it is run.
      expect(existsSync(sandbox.path("/run/ran"))).toBe(false);
    });

    test.each([
      ["where they are others, which may make the owner themselves", "#!/bin/bash\nuseradd ada\n"],
      ["where they are settings", "#cloud-config\nusers: [ada]\n"],
      ["where they are more than this script", "visa-owner\necho more"],
      ["where what is kept is an earlier boot's, or another instance's", undefined],
    ])("not %s", (_, userData) => {
      expect(early(userData)).toEqual(nothing);
    });

    test("not where directory or homes are of the network, or what is kept cannot be read", () => {
      mark();
      expect(early("")).toEqual(nothing);
      rmSync(sandbox.path("/etc/visa/owner-from-directory"));
      sandbox.stub("visa-home", "exit 0");
      expect(early("")).toEqual(nothing);
      rmSync(sandbox.path("/usr/local/sbin/visa-home"));
      expect(early("")).toEqual(made);
      writeFileSync(sandbox.path("/run/obj.pkl"), "not this");
      expect(sandbox.run(["/run/visa-owner", "--early"])).toEqual(nothing);
    });
  });

  test("makes no local owner where the directory has them, but the home", () => {
    mark();
    writeFileSync(sandbox.path("/run/known"), "");
    const { status, text } = run();
    expect(text).not.toContain("useradd");
    expect(text).toContain("mkhomedir ada 0077");
    expect(status).toBe(0);
    expect(sandbox.read("/run/visa/owner")).toBe("ada\n");
  });

  test("waits for the directory", () => {
    mark();
    sandbox.stub("sleep", "touch /run/known");
    const { status, text } = run();
    expect(text).not.toContain("useradd");
    expect(status).toBe(0);
    expect(sandbox.read("/run/visa/owner")).toBe("ada\n");
  });

  test("fails with 75 where the directory does not answer: nobody is made, nobody can log in", () => {
    mark();
    const script = readFileSync(sandbox.path("/var/tmp/visa-build/files/visa-owner"), "utf8");
    writeFileSync(sandbox.path("/var/tmp/visa-build/files/visa-owner"), script.replace("SECONDS + 60", "SECONDS + 1"));
    const { status, text } = run();
    expect(text).toContain("the directory does not know ada, or cannot be reached: nobody can log in");
    expect(text).not.toMatch(/useradd|mkhomedir/);
    expect(status).toBe(75);
    expect(existsSync(sandbox.path("/run/visa/owner"))).toBe(false);
  });

  test("fails for an account of the directory that has a number of the system's", () => {
    mark();
    sandbox.stub("sleep", "touch /run/known");
    sandbox.stub("getent", `[[ $1 == passwd && -e /run/known ]] && echo ada:x:30:30::/:/bin/bash`);
    const { status, text } = run();
    expect(text).toContain("ada of the directory cannot be the owner: it is an account of the system");
    expect(status).toBe(1);
  });

  test.each([
    [75, 75],
    [1, 1],
  ])("fails where the home's program does (%i), and leaves no owner", (code, status) => {
    sandbox.stub("visa-home", `echo "visa-home $*"; exit ${code}`);
    const outcome = run();
    expect(outcome.text).toContain("visa-home ada");
    expect(outcome.text).toContain("useradd --no-create-home ");
    expect(outcome.text).toContain("nobody can log in");
    expect(outcome.status).toBe(status);
    expect(existsSync(sandbox.path("/run/visa/owner"))).toBe(false);
  });
});

describe("nfs-homes", () => {
  const install = (homes: string) => sandbox.script(SCRIPT, { VISA_NFS_HOMES: homes });

  test("is kept with its options, and NFS 3's services are off", () => {
    expect(install("files.example:/export/home vers=4.2,sec=sys").status).toBe(0);
    expect(sandbox.read("/etc/visa/nfs-homes")).toBe(
      "files.example:/export/home nosuid,nodev,retry=0,vers=4.2,sec=sys\n",
    );
    expect(statSync(sandbox.path("/usr/local/sbin/visa-home")).mode & 0o777).toBe(0o755);
    expect(sandbox.calls()).toContain("systemctl --quiet mask rpcbind.socket rpcbind.service rpc-statd.service");
  });

  test.each(["/export", "files.example", "files.example:export", "a:/b rw;id", "a:/b rw x", "a:/$(id)"])(
    "fails for %j",
    (homes) => {
      const { status, text } = install(homes);
      expect(status).toBe(1);
      expect(text).toMatch(/^features: nfs-homes\nnfs-homes: .*, (expected|such as)/);
    },
  );

  describe("visa-home", () => {
    const home = "/var/tmp/home/ada";
    const run = (homePath: string) => {
      sandbox.stub("visa-owner", homePath === "none" ? "exit 1" : `echo '${homePath}'`);
      return sandbox.run(["-c", "/usr/local/sbin/visa-home ada"]);
    };

    beforeEach(() => {
      install("files.example:/export/");
      sandbox.stub("getent", `echo ada:x:5001:5000::${home}:/bin/bash`);
      sandbox.stub("mountpoint", "exit 1");
      sandbox.stub("mount", 'echo "mount $*" >>"$VISA_CALLS"');
      sandbox.stub("umount", 'echo "umount $*" >>"$VISA_CALLS"');
      sandbox.stub("stat", "echo 5001");
    });

    test.each([
      ["/visitors/ada", "visitors/ada"],
      ["visitors/a.lovelace/", "visitors/a.lovelace"],
      ["", "ada"],
      ["none", "ada"],
    ])("mounts homePath %j", (homePath, path) => {
      expect(run(homePath).status).toBe(0);
      expect(sandbox.calls().at(-1)).toBe(`mount -t nfs -o nosuid,nodev,retry=0 files.example:/export/${path} ${home}`);
      // Under the mount nobody but root may write.
      expect(statSync(sandbox.path(home)).mode & 0o777).toBe(0o700);
    });

    test.each(["..", "/visitors/../root", ".ssh", "a b", "a\nb", "a//b", "$(id)", "-o"])(
      "fails for homePath %j",
      (homePath) => {
        const { status, text } = run(homePath);
        expect(text).toContain("is not a path that can be used");
        expect(status).toBe(1);
        expect(sandbox.calls().join()).not.toContain("mount ");
      },
    );

    test("fails with 75 and the reason where the server is away", () => {
      sandbox.stub("mount", 'echo "mount.nfs: Connection refused" >&2; exit 32');
      const { status, text } = run("none");
      expect(text).toContain(`cannot mount files.example:/export/ada on ${home}: mount.nfs: Connection refused`);
      expect(status).toBe(75);
    });

    test("fails where the folder is another's, and takes it away again", () => {
      sandbox.stub("stat", "echo 6000");
      const { status, text } = run("none");
      expect(text).toContain("belongs to the user number 6000, and ada is number 5001");
      expect(status).toBe(1);
      expect(sandbox.calls().at(-1)).toBe(`umount ${home}`);
    });

    test("leaves a mount alone that is there already, and fails for another", () => {
      sandbox.stub("mountpoint", "exit 0");
      sandbox.stub("findmnt", "echo files.example:/export/ada");
      const before = sandbox.calls();
      expect(run("none")).toEqual({ status: 0, text: "" });
      expect(run("visitors/ada").status).toBe(1);
      expect(sandbox.calls()).toEqual(before);
    });
  });
});

describe("data-mounts", () => {
  const install = (mounts: string) => sandbox.script(SCRIPT, { VISA_DATA_MOUNTS_BASE64: base64(mounts) });
  const fixed =
    "nosuid,nodev,nofail,_netdev,x-systemd.automount,x-systemd.mount-timeout=30s,x-systemd.idle-timeout=10min";

  test("are mounted when they are used, and no boot waits for them", () => {
    const mounts = "# raw data\nfiles.example:/data /data\n\nfiles.example:/soft /opt/soft rw,vers=4.2\n";
    expect(install(mounts).status).toBe(0);
    expect(install(mounts).status).toBe(0);
    const [, ours] = sandbox.read("/etc/fstab").split(/^# visa data-mounts (?:begin|end)\n/m);
    expect(ours).toBe(
      `files.example:/data /data nfs ${fixed},ro 0 0\nfiles.example:/soft /opt/soft nfs ${fixed},rw,vers=4.2 0 0\n`,
    );
    // systemd's own word for it.
    const units = join(sandbox.folder, "run", "units");
    const generator = "/usr/lib/systemd/system-generators/systemd-fstab-generator";
    sandbox.run(["-c", `mkdir /run/units && ${generator} /run/units /run/units /run/units`]);
    expect(readdirSync(units)).toEqual(
      expect.arrayContaining(["data.automount", "data.mount", "opt-soft.automount", "opt-soft.mount"]),
    );
    expect(readdirSync(join(units, "remote-fs.target.wants"))).toEqual(["data.automount", "opt-soft.automount"]);
    expect(readFileSync(join(units, "data.mount"), "utf8")).toMatch(/^TimeoutSec=30s$/m);
  });

  test.each([
    ["files.example:/data", /line 1 of data_mounts: "" is not a folder to mount on/],
    ["\n/data /data", /line 2 of data_mounts: "\/data" is not a folder of a server/],
    ["a:/b /etc/x", /"\/etc\/x" belongs to the system/],
    ["a:/b /home", /"\/home" belongs to the system/],
    ["a:/b /data/../etc", /not a folder to mount on/],
    ["a:/b /data\na:/c /data", /line 2 .* is there twice/],
    ["a:/b /data ro,x ro", /are no mount options/],
  ])("fails for %j", (mounts, message) => {
    const before = sandbox.read("/etc/fstab");
    const { status, text } = install(mounts);
    expect(status).toBe(1);
    expect(text).toMatch(message);
    expect(sandbox.read("/etc/fstab")).toBe(before);
  });
});
