/** What assertions 45 to 50, and 57, must catch: services, power, ports, and what is left in the image. */
import { add, alter, edit, listener, type Mutation, then } from "./mutation";

const POWER_RULES = "/etc/polkit-1/rules.d/10-visa-power.rules";

export const HYGIENE_MUTATIONS: readonly Mutation[] = [
  {
    what: "a unit has failed",
    boot: "main",
    caughtBy: { 45: /failed units: visa-mutation\.service/ },
    change: {
      break: "systemd-run --quiet --wait --unit=visa-mutation /bin/false || true",
      mend: "systemctl reset-failed visa-mutation",
    },
    always: true,
  },
  {
    what: "nothing sets the clock",
    boot: "main",
    caughtBy: { 45: /nothing synchronises the time/ },
    change: { break: "systemctl stop systemd-timesyncd", mend: "systemctl start systemd-timesyncd" },
  },
  {
    what: "polkit lets everybody switch off",
    boot: "main",
    caughtBy: { 46: /the owner may org\.freedesktop\.login1\.power-off/ },
    change: then(edit(POWER_RULES, "s/polkit\\.Result\\.NO/polkit.Result.YES/"), "sleep 2"),
  },
  {
    what: "the instance can be put to sleep",
    boot: "main",
    caughtBy: { 46: /a sleep target is not masked/ },
    change: { break: "systemctl --quiet unmask suspend.target", mend: "systemctl --quiet mask suspend.target" },
  },
  {
    what: "the power button is ignored",
    boot: "main",
    caughtBy: { 46: /did not power off/ },
    late: true,
    // Behind the image's own visa.conf, by the alphabet.
    change: then(
      add("/run/systemd/logind.conf.d/zz-mutation.conf", "[Login]\nHandlePowerKey=ignore"),
      "systemctl restart systemd-logind",
    ),
  },
  {
    what: "an authorized key, a user, marks of the build, and a password in an address are in the image",
    caughtBy: {
      47: /root\/\.ssh\/authorized_keys lets somebody in\netc\/passwd has the user builder\n\.\/usr\/local\/share\/ca-certificates\/visa-build-1\.crt is of the build\netc\/environment has a mark of the build\netc\/environment has credentials in an address/,
    },
    disk: `mkdir -p root/.ssh
echo 'ssh-ed25519 AAAA build' > root/.ssh/authorized_keys
echo 'builder:x:1000:1000::/home/builder:/bin/bash' >> etc/passwd
echo certificate > usr/local/share/ca-certificates/visa-build-1.crt
echo '# visa-build begin' >> etc/environment
echo 'http_proxy=http://user:secret@proxy.example:3128' >> etc/environment`,
    always: true,
  },
  {
    what: "root may log in by password over ssh",
    boot: "main",
    caughtBy: { 47: /sshd lets root in by password/ },
    change: add("/etc/ssh/sshd_config.d/00-mutation.conf", "PermitRootLogin yes"),
  },
  {
    what: "the image has the id, keys, cloud-init state, logs and caches of one machine",
    caughtBy: {
      48: /etc\/machine-id is not empty[\s\S]*ssh_host_rsa_key is a host key[\s\S]*visa-key\.pem is of one machine[\s\S]*random-seed is of one machine[\s\S]*instance is cloud-init state[\s\S]*syslog is a log[\s\S]*eth0\.leases is a lease[\s\S]*is a cache of apt/,
    },
    disk: `echo 0123456789abcdef0123456789abcdef > etc/machine-id
touch etc/ssh/ssh_host_rsa_key etc/xrdp/visa-key.pem var/lib/systemd/random-seed
mkdir -p var/lib/cloud/instance var/lib/dhcp
echo line > var/log/syslog
touch var/lib/dhcp/eth0.leases
echo list > var/lib/apt/lists/mirror_Packages`,
    always: true,
  },
  {
    what: "nothing makes the file system grow",
    caughtOn: { main: { 49: /the file system has [45]\.\d GiB, the disk [67]\.\d GiB/ } },
    booted: "printf 'growpart: {mode: off}\\nresize_rootfs: false\\n' > etc/cloud/cloud.cfg.d/99-mutation.cfg",
  },
  {
    what: "everybody may change what the image says of itself",
    boot: "main",
    caughtBy: { 57: /release\.json is root:root 666/ },
    change: alter("/etc/visa/release.json", "chmod 666 /etc/visa/release.json"),
    always: true,
  },
  {
    what: "the image says nothing of its release",
    boot: "main",
    caughtBy: { 57: /release\.json has the release undefined/ },
    change: edit("/etc/visa/release.json", '/"release"/d'),
  },
  {
    what: "something listens on a port that nobody declared",
    boot: "main",
    caughtBy: { 50: /also open: tcp 0\.0\.0\.0 8000/ },
    change: listener("tcp", "0.0.0.0", 8000),
    always: true,
  },
  {
    what: "something answers by UDP",
    boot: "main",
    caughtBy: { 50: /also open: udp 0\.0\.0\.0 5353/ },
    change: listener("udp", "0.0.0.0", 5353),
  },
];
