/** What assertions 37 to 44 must catch: JupyterLab, as VISA's proxy reaches it. */
import { add, all, alter, edit, type GuestChange, type Mutation, remove, then } from "./mutation";

/** Starts it anew, and waits until it answers. */
const RESTART = `systemctl restart visa-jupyter.service
for try in $(seq 400); do curl --silent --output /dev/null http://127.0.0.1:8888/ && break; sleep 0.5; done`;

/** JupyterLab, started otherwise. */
const visaJupyter = (...commands: string[]): GuestChange =>
  then(edit("/usr/lib/visa/visa-jupyter", ...commands), RESTART);

const NO_FRAMES = {
  ServerApp: { tornado_settings: { headers: { "Content-Security-Policy": "frame-ancestors 'none'" } } },
};

const CONFIGURATION = "/opt/jupyter/etc/jupyter/jupyter_server_config.json";

const KERNEL = "/opt/kernels/python3";

export const JUPYTER_MUTATIONS: readonly Mutation[] = [
  {
    what: "it answers below another address",
    boot: "main",
    caughtBy: { 37: /no answer of JupyterLab/, 38: /\/api answers 200/ },
    change: visaJupyter("s|base_url=.*|base_url=/ \\\\|"),
  },
  {
    what: "it runs as root, asks for no XSRF token, and nobody may frame it",
    boot: "main",
    caughtBy: { 39: /it runs as root/, 41: /it answers [^4]/, 42: /frame-ancestors 'none'/ },
    change: then(
      all(
        edit(
          "/usr/lib/visa/visa-jupyter",
          's|--reuid "\\$uid" --regid "\\$gid" --init-groups|--reuid 0 --regid 0 --clear-groups|',
          "s|--no-browser|--no-browser --allow-root|",
          "s|disable_check_xsrf=False|disable_check_xsrf=True|",
        ),
        alter(CONFIGURATION, `cat > ${CONFIGURATION} <<'END_OF_FILE'\n${JSON.stringify(NO_FRAMES)}\nEND_OF_FILE`),
      ),
      RESTART,
    ),
    always: true,
  },
  {
    what: "the kernel's Python is gone",
    boot: "main",
    caughtBy: { 40: /500|kernel/i },
    change: remove(`${KERNEL}/bin/python`),
  },
  {
    what: "nobody starts it anew",
    boot: "main",
    caughtBy: { 43: /no answer of JupyterLab/ },
    change: then(
      add("/run/systemd/system/visa-jupyter.service.d/mutation.conf", "[Service]\nRestart=no"),
      `systemctl daemon-reload; ${RESTART}`,
    ),
  },
  {
    what: "every instance has the same id",
    boot: "bare",
    caughtBy: { 43: /no answer of JupyterLab/ },
    change: visaJupyter("s/^id=.*/id=4711 || \\\\/"),
  },
  {
    what: "a declared package is not installed",
    boot: "main",
    caughtBy: { 44: /h5py/ },
    change: {
      break: `cd ${KERNEL}/lib/python3*/site-packages; mv h5py h5py.away`,
      mend: `cd ${KERNEL}/lib/python3*/site-packages; mv h5py.away h5py`,
    },
  },
];
