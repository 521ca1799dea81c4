/**
 * JupyterLab as the image has it, in a folder with a Debian of its own: the shipped scripts install it, visa-jupyter runs
 * it as a user, and jupyter-check.py speaks to it. No machine is booted, nothing of the host changes; it needs root and
 * takes a minute and a half. The guest itself (systemd, cloud-init) is for the verifier.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";

jest.setTimeout(10 * 60_000);

const template = join(__dirname, "../../templates/visa-apps");
const scratch = mkdtempSync(join(tmpdir(), "visa-image-test-jupyter-"));
const root = join(scratch, "root");
const BUNDLE = "/etc/ssl/certs/ca-certificates.crt";

beforeAll(async () => {
  const guest = join(scratch, "visa-build");
  for (const folder of ["tools", "jupyter", "scripts"]) {
    cpSync(join(template, folder), join(guest, folder), { recursive: true });
  }
  // A second kernel, whose channel cannot be reached: it is made of its packages from PyPI.
  writeFileSync(
    join(guest, "more.yml"),
    [
      "kernels:",
      "  - name: small",
      "    display_name: Small",
      "    packages: [six]",
      "    conda: {channels: ['file:///nowhere'], packages: [mantid]}",
    ].join("\n"),
  );
  const build = "/var/tmp/visa-build";
  // As prepare.sh lets packages in: with what this machine trusts.
  const inside = `chroot "$1" env SSL_CERT_FILE=${BUNDLE} PIP_CERT=${BUNDLE} VISA_APPS= VISA_JUPYTER=true`;
  await execa(
    "mmdebstrap",
    [
      ...["--quiet", "--mode=root", "--variant=apt", "--include=systemd,passwd,python3,ca-certificates"],
      `--customize-hook=cp -r ${guest} "$1/var/tmp/" && cp ${BUNDLE} "$1${BUNDLE}"`,
      `--customize-hook=${inside} bash ${build}/scripts/apps.sh`,
      // Twice: it is safe to.
      ...[1, 2].map(() => `--customize-hook=${inside} bash ${build}/scripts/jupyter.sh`),
      `--customize-hook=${inside} /usr/lib/visa/jupyter-kernels make ${build}/more.yml`,
      '--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash jane',
      `--customize-hook=rm -r "$1${build}"`,
      ...["bookworm", root],
    ],
    { reject: true, all: true },
  );
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("answers as VISA's proxy expects it: as the owner, at its own address, with XSRF checks, and comes back", async () => {
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  writeFileSync(join(root, "usr/local/bin/cloud-init"), "#!/bin/sh\necho 7\n", { mode: 0o755 });
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
  cpSync(join(__dirname, "jupyter-check.py"), join(root, "root/jupyter-check.py"));
  const script = `
    ip link set lo up
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    exec chroot "$1" /opt/jupyter/bin/python /root/jupyter-check.py jane 7`;
  const { stdout } = await execa(
    "unshare",
    ["--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-euc", script, "check", root],
    {
      extendEnv: false,
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" },
    },
  );
  const { seconds, "seconds until it is back": back, ...answers } = JSON.parse(stdout);
  expect(answers).toEqual({
    api: [200, "application/json", true],
    lab: [200, "frame-ancestors 'self'", null],
    "foreign host": 200,
    "without base_url": 404,
    "another id": 404,
    user: "jane:jane",
    "POST without XSRF token": 403,
    "POST with XSRF token": 201,
    "1+1": "2",
    "id -un": "['jane', '/home/jane', '/home/jane']",
    packages: "6",
    kernels: { python3: "Python 3 (scientific)", small: "Small" },
    "default kernel": "python3",
    "owner may write to": [],
  });
  expect(seconds).toBeLessThan(30);
  expect(back).toBeLessThan(28);
});
