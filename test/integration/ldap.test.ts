/**
 * The facility features of visa-base in a guest, with servers of Debian's own packages in that same guest: the owner is a
 * user of a directory (slapd), whose home is on a file server (NFS). Both servers are away at first.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assetFolder } from "../../lib/package-root";
import { hostDebianMirror } from "../../lib/runner/host/mirror";
import { TestInstance } from "../../lib/verify/instance/test-instance";
import { makeTokenKeyPair } from "../../lib/verify/token";
import { FULL } from "../support/full";

jest.setTimeout(25 * 60_000);

/** What the features install, and what the test needs: unpacked in the bootstrap, natively, rather than in the guest. */
const PACKAGES = [
  ...["sssd-ldap", "libnss-sss", "libpam-sss", "nfs-common"],
  ...["slapd", "ldap-utils", "pamtester", "nfs-kernel-server"],
];

/** Six minutes of a bootstrap and a boot, on two cores. */
const whenFull = FULL ? describe : describe.skip;

const folder = mkdtempSync(join(tmpdir(), "visa-ldap-"));
const report = new Map<string, string>();
let consoleText = "";

const SLAPD = `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile /root/test/server.pem
TLSCertificateKeyFile /root/test/server.key
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=reader,dc=visa,dc=test" read by * none
database mdb
suffix dc=visa,dc=test
directory /root/test/database
`;

const user = (name: string, uid: number, password: string) => `
dn: uid=${name},ou=people,dc=visa,dc=test
objectClass: account
objectClass: posixAccount
uid: ${name}
cn: ${name}
uidNumber: ${uid}
gidNumber: 5000
homeDirectory: /home/visitors/${name}
userPassword: ${password}
`;

const LDIF = `dn: dc=visa,dc=test
objectClass: domain
dc: visa

dn: cn=reader,dc=visa,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: look 'em up

dn: ou=people,dc=visa,dc=test
objectClass: organizationalUnit
ou: people

dn: cn=scientists,dc=visa,dc=test
objectClass: posixGroup
cn: scientists
gidNumber: 5000
memberUid: ada.lovelace
${user("ada.lovelace", 5001, "Engine-1843")}${user("bob", 5002, "Guest-1")}`;

/** Runs as user data: makes the machine what the template would, then goes through a first boot's end, step by step. */
const GUEST = `#!/bin/bash
exec >/root/log 2>&1
set -x
trap 'sed "s/^/FEATURES-LOG /" /root/log >/dev/ttyS0; echo FEATURES-END >/dev/ttyS0' EXIT
say() { { set +x; } 2>/dev/null; printf 'FEATURES %s %s\\n' "$1" "$(base64 -w0 <<<"$2")" >/dev/ttyS0; set -x; }
# wait_for SECONDS COMMAND...: asks again and again, and says how long it took.
wait_for() {
  { set +x; } 2>/dev/null
  local end=$((SECONDS + $1)) begin=$SECONDS
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 1
  done
  echo "$((SECONDS - begin))"
}
account() { getent passwd "$1" || echo nobody; }
ready() { if [[ -e /run/visa/owner ]]; then cat /run/visa/owner; else echo no; fi; }
# login SERVICE USER PASSWORD [STEPS]: what PAM says.
login() {
  local service=$1 user=$2 password=$3
  shift 3
  printf '%s\\n' "$password" | timeout 60 pamtester "$service" "$user" "\${@:-authenticate}" 2>&1 | tail -n 1
}
token() {
  local payload
  payload=$1,$(date +%s)
  printf '%s;%s' "$payload" "$(printf %s "$payload" | openssl dgst -sha256 -sign /root/test/token.key | base64 -w0)"
}

cd /root/test
echo 127.0.0.1 ldap.visa.test >>/etc/hosts
# By "disable --now" a service with a script for System V would run on.
systemctl stop slapd nfs-server
mkdir -p /var/tmp/visa-build database
mv features files login /var/tmp/visa-build/
slapadd -f slapd.conf -l directory.ldif
install -m 0755 /var/tmp/visa-build/files/visa-owner /usr/local/sbin/visa-owner
install -m 0644 /var/tmp/visa-build/files/visa-owner.service /etc/systemd/system/

export VISA_LDAP_URI=ldap://ldap.visa.test VISA_LDAP_SEARCH_BASE=dc=visa,dc=test VISA_LDAP_START_TLS=true
export VISA_LDAP_CA_CERTIFICATE_BASE64=$(base64 -w0 ca.pem)
export VISA_LDAP_BIND_DN=cn=reader,dc=visa,dc=test VISA_LDAP_BIND_PASSWORD="look 'em up"
say install "$(bash features.sh && echo installed)"
systemctl daemon-reload
systemctl start sssd

# The directory is away: no owner, no local user in its place.
systemctl start --no-block visa-owner-now
sleep 5
say away "$(account ada.lovelace) $(ready) $(grep -c ada /etc/passwd) $(systemctl is-active visa-owner-now)"
slapd -f slapd.conf -h ldap:///
say waited "$(wait_for 90 test -e /run/visa/owner)"
if [[ ! -e /run/visa/owner ]]; then
  systemctl status --no-pager 'sssd*'
  tail -n 40 /var/log/sssd/*
  ss -Hltn
  journalctl --no-pager -n 40 -u visa-owner-now -u sssd
  exit
fi
say owner "$(ready)"
say passwd "$(account ada.lovelace)"
say local "$(grep -c ada /etc/passwd)"
say groups "$(id -Gn ada.lovelace)"
say home "$(stat -c '%U %G %a' /home/visitors/ada.lovelace) $(ls -A /home/visitors/ada.lovelace | grep -c bashrc)"
say shell "$(su - ada.lovelace -c 'echo "$USER $PWD $(id -u)"')"

# Who can log in, and who cannot.
say token "$(login xrdp-sesman ada.lovelace "$(token ada.lovelace)" authenticate acct_mgmt open_session)"
say token-bob "$(login xrdp-sesman bob "$(token bob)")"
say password "$(login sshd ada.lovelace Engine-1843 authenticate acct_mgmt)"
say password-wrong "$(login sshd ada.lovelace Engine-1844)"
say password-bob "$(login sshd bob Guest-1)"
say account-bob "$(login sshd bob Guest-1 acct_mgmt)"
say account-root "$(login sshd root x acct_mgmt)"
mv /run/visa/owner /run/visa/later
say account-early "$(login sshd ada.lovelace Engine-1843 acct_mgmt)"
mv /run/visa/later /run/visa/owner
before=$(stat -c '%n %Y %i' /etc/passwd /etc/shadow /etc/visa/* /home/visitors/*)
say again "$(/usr/local/sbin/visa-owner 2>&1; echo "exit $?"; [[ $before == "$(stat -c '%n %Y %i' /etc/passwd /etc/shadow /etc/visa/* /home/visitors/*)" ]] && echo unchanged)"

# The home is on a server now, which is away at first.
systemctl stop visa-owner-now
rm -r /home/visitors
mkdir -p /srv/homes/staff/ada /srv/data
chown 5001:5000 /srv/homes/staff/ada
echo "from the server" >/srv/homes/staff/ada/notes
echo "raw" >/srv/data/run-1
printf '/srv 127.0.0.1(rw,fsid=0,no_subtree_check,no_root_squash,insecure,crossmnt)\\n' >/etc/exports
printf '[nfsd]\\nvers3=n\\ngrace-time=10\\nlease-time=10\\n' >/etc/nfs.conf
export VISA_NFS_HOMES="127.0.0.1:/homes vers=4.2"
export VISA_DATA_MOUNTS_BASE64=$(printf '127.0.0.1:/data /data ro,vers=4.2\\n' | base64 -w0)
# With this also LDAP is installed a second time: it is safe to run again.
say nfs-install "$(bash features.sh >/dev/null && echo installed)"
systemctl daemon-reload
# An image has it masked before it ever runs; here it came up with the machine. Masked, nothing starts it again.
systemctl stop rpcbind.socket rpcbind.service
say nfs-away "$(timeout 100 systemctl start visa-owner-now; ready; systemctl show -P SubState visa-owner-now; ls -A /home/visitors/ada.lovelace; stat -c '%U %a' /home/visitors/ada.lovelace)"
say nfs-message "$(journalctl -u visa-owner-now -o cat | grep -E 'cannot mount|not to be had')"
systemctl start nfs-server
say nfs-waited "$(wait_for 90 test -e /run/visa/owner)"
say nfs-home "$(findmnt -no SOURCE,FSTYPE --mountpoint /home/visitors/ada.lovelace | xargs) $(su - ada.lovelace -c 'cat notes; touch written; pwd')"
say nfs-written "$(stat -c '%u:%g' /srv/homes/staff/ada/written)"
systemctl start data.automount
say data "$(mountpoint /data; cat /data/run-1; touch /data/x 2>&1 | grep -o 'Read-only file system'; findmnt -no FSTYPE --mountpoint /data | xargs)"
say ports "$(ss -Hltn | awk '{ print $4 }' | grep -v '127\\.0\\.0\\.' | sed 's/.*://' | sort -un | xargs)"
say failed "$(systemctl list-units --failed --plain --no-legend)"
`;

beforeAll(async () => {
  const disk = join(folder, "base.qcow2");
  execFileSync("bash", [join(assetFolder("runner/bootstrap"), "bootstrap.sh"), disk], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      VISA_BASE_SIZE_GB: "3",
      VISA_BASE_MIRROR: hostDebianMirror() ?? "",
      VISA_BASE_PACKAGES: PACKAGES.join(" "),
    },
  });
  await using instance = await TestInstance.boot({
    disk,
    format: "qcow2",
    folder: join(folder, "machine"),
    metadata: { id: "7", owner: "ada.lovelace", homePath: "/staff/ada", pamPublicKey: makeContent() },
    userData: `#!/bin/bash\nmkdir /root/test\nbase64 -d <<<${archive()} | tar -xzC /root/test\nbash /root/test/guest.sh\n`,
  });
  await instance.waitForConsole(/^FEATURES-END\r?$/m, 1200);
  consoleText = instance.console();
  for (const [, name, text] of consoleText.matchAll(/^FEATURES (\S+) (\S*)\r?$/gm)) {
    report.set(
      name ?? "",
      Buffer.from(text ?? "", "base64")
        .toString("utf8")
        .replace(/\n$/, ""),
    );
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const content = join(folder, "content");

/** Makes what the guest gets, and returns the public key for tokens. */
function makeContent(): string {
  mkdirSync(content);
  const templates = join(__dirname, "../../templates/visa-base");
  execFileSync("cp", ["-a", "features", "files", "login", "scripts/features.sh", content], { cwd: templates });
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: content, stdio: "ignore" });
  const request = ["req", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  openssl(...request, "-x509", "-subj", "/CN=Facility CA", "-keyout", join(folder, "ca.key"), "-out", "ca.pem");
  openssl(
    ...[...request, "-x509", "-subj", "/CN=ldap.visa.test", "-CA", "ca.pem", "-CAkey", join(folder, "ca.key")],
    ...["-addext", "subjectAltName=DNS:ldap.visa.test", "-addext", "basicConstraints=CA:FALSE"],
    ...["-keyout", "server.key", "-out", "server.pem"],
  );
  const pair = makeTokenKeyPair();
  writeFileSync(join(content, "token.key"), pair.privateKey);
  writeFileSync(join(content, "slapd.conf"), SLAPD);
  writeFileSync(join(content, "directory.ldif"), LDIF);
  const unit = readFileSync(join(content, "files/visa-owner.service"), "utf8");
  // The image's own unit waits for the end of the boot, which this script is a part of.
  writeFileSync(join(content, "visa-owner-now.service"), unit.replace("After=cloud-final.service\n", ""));
  writeFileSync(
    join(content, "guest.sh"),
    GUEST.replace("cd /root/test\n", "cd /root/test\ncp *.service /etc/systemd/system/\n"),
  );
  return pair.publicKey;
}

function archive(): string {
  return execFileSync("tar", ["-czC", content, "."], { maxBuffer: 1 << 24 }).toString("base64");
}

function told(name: string): string {
  const text = report.get(name);
  if (text === undefined) throw new Error(`the guest said nothing of "${name}":\n${consoleText.slice(-6000)}`);
  return text;
}

whenFull("ldap", () => {
  test("is installed", () => {
    expect(told("install")).toMatch(/\ninstalled$/);
  });

  test("no local user takes the owner's place while the directory is away, and nobody can log in", () => {
    expect(told("away")).toBe("nobody no 0 activating");
  });

  test("the owner is the directory's, as soon as that is back", () => {
    expect(Number(told("waited"))).toBeLessThan(60);
    expect(told("owner")).toBe("ada.lovelace");
    expect(told("passwd")).toBe("ada.lovelace:*:5001:5000:ada.lovelace:/home/visitors/ada.lovelace:/bin/bash");
    expect(told("local")).toBe("0");
    expect(told("groups")).toBe("scientists");
  });

  test("the owner has a home and a shell", () => {
    expect(told("home")).toBe("ada.lovelace scientists 700 1");
    expect(told("shell")).toBe("ada.lovelace /home/visitors/ada.lovelace 5001");
  });

  test("the owner logs in by a token and by the directory's password", () => {
    expect(told("token")).toMatch(/successfully opened a session/);
    expect(told("password")).toMatch(/account management done/);
  });

  test("fails for a wrong password", () => {
    expect(told("password-wrong")).toMatch(/Authentication failure/);
  });

  test("fails for another user of the directory, by token and by password", () => {
    expect(told("token-bob")).toMatch(/Authentication failure/);
    // The password is right, and the machine is not bob's.
    expect(told("password-bob")).toMatch(/successfully authenticated/);
    expect(told("account-bob")).toMatch(/Authentication failure/);
  });

  test("fails for the owner before the machine is ready; local users are not asked", () => {
    expect(told("account-early")).toMatch(/Error in service module/);
    expect(told("account-root")).toMatch(/account management done/);
  });

  test("a second run of visa-owner changes nothing", () => {
    expect(told("again")).toBe("exit 0\nunchanged");
  });
});

whenFull("nfs-homes", () => {
  test("fails while the server is away: not ready, and no empty home to log in to", () => {
    expect(told("nfs-install")).toBe("installed");
    expect(told("nfs-away")).toMatch(/^no\nauto-restart\nroot 700$/);
    expect(told("nfs-message")).toMatch(
      /cannot mount 127\.0\.0\.1:\/homes\/staff\/ada on \/home\/visitors\/ada\.lovelace: .*refused[\s\S]*nobody can log in/,
    );
  });

  test("the home is homePath on the server, once that is back", () => {
    expect(Number(told("nfs-waited"))).toBeLessThan(60);
    expect(told("nfs-home")).toBe("127.0.0.1:/homes/staff/ada nfs4 from the server\n/home/visitors/ada.lovelace");
    expect(told("nfs-written")).toBe("5001:5000");
  });
});

whenFull("both", () => {
  test("data-mounts are mounted when they are looked into, as their options say", () => {
    expect(told("data")).toBe("/data is a mountpoint\nraw\nRead-only file system\nautofs nfs4");
  });

  test("no unit has failed, and nothing new listens but the test's own servers", () => {
    // Of the test's own NFS server, not of what the features install.
    const failed = told("failed").split("\n");
    expect(failed.filter((line) => line && !line.startsWith("nfs-idmapd.service "))).toEqual([]);
    expect(told("ports").split(" ")).not.toContain("111");
  });
});
