/** What assertions 13 to 21, 58, 60 and 61 must catch: the remote desktop. */
import { alter, edit, listener, type Mutation, then, untilListening } from "./mutation";

/** Ends all desktops. A user's second session ends at once, and a session manager that starts knows of no first one. */
const END_SESSIONS = `pkill -x xfce4-session || true
for try in $(seq 300); do pgrep -x 'Xorg|Xvnc' >/dev/null || break; sleep 0.1; done`;

/** Restarts xrdp, and its session manager with it, and waits until both listen. */
const RESTART_XRDP = `${END_SESSIONS}
systemctl restart xrdp
${untilListening("tcp", 3350)}
${untilListening("tcp", 3389)}`;

/** The interface that the first network does not have. */
const SECOND = 'second=$(basename "$(dirname "$(grep -l \'fa:16:3e:00:00:02\' /sys/class/net/*/address)")")';

export const DESKTOP_MUTATIONS: readonly Mutation[] = [
  // Each finds the session that it looks at: some end them all, some leave a new one.
  {
    what: "the session of the desktop ends at once",
    boot: "main",
    caughtBy: { 17: /no desktop of the owner|closed the connection|ended/ },
    patience: 0.5,
    change: {
      break: "mount --bind /bin/false /usr/bin/xfce4-session",
      mend: "umount /usr/bin/xfce4-session",
    },
  },
  {
    what: "xrdp listens on loopback alone",
    boot: "main",
    caughtBy: { 15: /3389 does not listen on all addresses/, 16: /the guest does not reach its own address on 3389/ },
    change: then(edit("/etc/xrdp/xrdp.ini", "s|^port=3389|port=tcp://127.0.0.1:3389|"), RESTART_XRDP),
  },
  {
    what: "xrdp has no TLS",
    boot: "main",
    caughtBy: { 13: /it picked rdp, not TLS/ },
    change: edit("/etc/xrdp/xrdp.ini", "s/^security_layer=.*/security_layer=rdp/"),
    always: true,
  },
  {
    what: "guacd lacks its RDP plugin",
    boot: "main",
    caughtBy: { 14: /closed the connection without a word; has it the RDP plugin\?|it said nothing/ },
    change: then(
      {
        break: "cd /usr/lib/x86_64-linux-gnu; for f in libguac-client-rdp.so*; do mv $f away.$f; done",
        mend: "cd /usr/lib/x86_64-linux-gnu; for f in away.libguac-client-rdp.so*; do mv $f ${f#away.}; done",
      },
      "true",
    ),
    always: true,
  },
  {
    what: "a session manager listens on all addresses",
    boot: "main",
    caughtBy: { 15: /9001 listens on 0\.0\.0\.0/ },
    change: listener("tcp", "0.0.0.0", 9001),
    always: true,
  },
  {
    what: "tokens open nothing",
    boot: "main",
    // What xrdp shows in its place has too few colours for a desktop.
    caughtBy: { 17: /no desktop of the owner|was not still within \d+ s \([1-7] colours; 8 are a desktop/ },
    // xrdp has to show that first, on a busy machine too.
    patience: 0.25,
    change: alter(
      "/etc/visa/public.pem",
      "openssl genrsa 896 2>/dev/null | openssl rsa -pubout 2>/dev/null > /etc/visa/public.pem",
    ),
    always: true,
  },
  {
    what: "xrdp's channel server is gone",
    boot: "main",
    caughtBy: { 21: /xrdp-chansrv does not run for the owner/ },
    change: ({ owner }) => ({
      break: `pkill -KILL -u '${owner}' -x xrdp-chansrv; sleep 1`,
      mend: `systemd-run --quiet --collect --uid='${owner}' --setenv=DISPLAY=:10 --setenv=HOME=/home/${owner} xrdp-chansrv
sleep 3`,
    }),
    always: true,
  },
  {
    what: "each connection gets a session of its own",
    boot: "main",
    // The second one ends as soon as its desktop has found the first.
    caughtBy: { 18: /it opened another session|guacd at \S+ ended the connection/ },
    patience: 1,
    change: then(edit("/etc/xrdp/sesman.ini", "s/^Policy=.*/Policy=UBC/"), "pkill -HUP -x xrdp-sesman; sleep 1"),
  },
  {
    what: "xrdp tells the journal of each connection that ends without a word",
    boot: "main",
    caughtBy: { 58: /\d+ errors in the journal: .*xrdp/ },
    patience: 1,
    change: then(edit("/etc/xrdp/xrdp.ini", "s/^SyslogLevel=CORE$/SyslogLevel=INFO/"), RESTART_XRDP),
    always: true,
  },
  {
    what: "each connection to 4822 leaves a process",
    boot: "main",
    caughtBy: { 58: /visa-mutation-4822\.service has \d+ tasks, before it had \d/ },
    patience: 1,
    change: {
      break: `systemctl stop guacd
systemd-run --quiet --collect --unit=visa-mutation-4822 python3 -c "import socket, subprocess
s = socket.create_server(('0.0.0.0', 4822))
while True:
    s.accept()
    subprocess.Popen(['sleep', '3600'])"
${untilListening("tcp", 4822)}`,
      mend: `systemctl stop visa-mutation-4822
systemctl start guacd
${untilListening("tcp", 4822)}`,
    },
  },
  {
    what: "the second network interface has no address",
    boot: "bare",
    caughtBy: { 60: /of two interfaces 1 have an address/ },
    change: {
      break: `${SECOND}
ip link set "$second" down`,
      mend: `${SECOND}
ip link set "$second" up
networkctl reconfigure "$second"
for try in $(seq 300); do ip -4 address show "$second" | grep -q 'inet ' && break; sleep 0.1; done`,
    },
  },
  {
    what: "a unit of an instance in two networks has failed",
    boot: "bare",
    caughtBy: { 60: /failed units: visa-mutation\.service/ },
    change: {
      break: "systemd-run --quiet --wait --unit=visa-mutation /bin/false || true",
      mend: "systemctl reset-failed visa-mutation",
    },
  },
  {
    what: "xrdp shows no more than 16 bits of colour",
    boot: "bare",
    caughtBy: { 61: /asked for 24 bits, [01]\.\d % of the screen have more than 16/ },
    lookFirst: true,
    patience: 1,
    change: then(edit("/etc/xrdp/xrdp.ini", "s/^max_bpp=.*/max_bpp=16/"), RESTART_XRDP),
  },
  {
    what: "xrdp does not know the French layout",
    boot: "main",
    caughtBy: { 19: /asked for fr-fr-azerty, the session has the layout "(?!fr)/ },
    patience: 1,
    change: edit("/etc/xrdp/xrdp_keyboard.ini", "s/=0x0000040C$/=0x0000FFFF/"),
  },
  {
    what: "the X server has no memory for a large screen",
    boot: "main",
    caughtBy: { 20: /at 3840x2160: |asked for 3840x2160, got/ },
    patience: 1,
    // It ends the session; the next connection gets another one.
    change: {
      break: `server=$(pgrep -x Xorg)
prlimit --pid "$server" --as=$(($(awk '/VmSize/ { print $2 }' /proc/$server/status) * 1024 + 4000000))`,
      mend: "true",
    },
  },
];
