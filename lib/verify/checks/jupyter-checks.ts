/** Assertions 37 to 44: JupyterLab, as VISA's proxy reaches it. */

import { guestFile } from "../instance/guest-agent";
import { type Check, expect } from "./check";
import type { Subject } from "./subject";

const UNIT = "visa-jupyter.service";
/** How long its first start may take without KVM, in seconds. */
const START_SECONDS = 180;
/** In bytes; what JupyterLab says of itself has a few dozen. */
const LONGEST_BODY = 64 << 10;

async function get({ instance }: Subject, path: string, init: RequestInit = {}): Promise<Response> {
  const { host, port } = instance.endpoint(8888);
  return fetch(`http://${host}:${port}${path}`, {
    redirect: "manual",
    signal: AbortSignal.timeout(30_000),
    ...init,
  });
}

/** An answer of the guest, which may send without end. */
async function shortBody(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += (piece as Uint8Array).length;
    expect(bytes <= LONGEST_BODY, `it answers more than ${LONGEST_BODY} bytes`);
    pieces.push(piece as Uint8Array);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function base({ metadata }: Subject): string {
  return `/jupyter/${metadata.id}`;
}

async function answering(subject: Subject, seconds: number): Promise<Response> {
  return subject.waitFor("answer of JupyterLab", seconds, async () => {
    const response = await get(subject, `${base(subject)}/api`).catch(() => undefined);
    return response?.status === 200 && response;
  });
}

async function mainPid({ guest }: Subject): Promise<string> {
  return guest.text(`systemctl show --property=MainPID --value ${UNIT}`);
}

/** Of the image, as a template promises the part `jupyter`. */
export const JUPYTER_CHECKS: readonly Check[] = [
  {
    ...{ assertion: 37, boot: "main", profile: "gate" },
    async run(subject) {
      const api = await answering(subject, START_SECONDS);
      const { version } = JSON.parse(await shortBody(api)) as { version?: string };
      expect(version, "/api is no JSON with a version");
      const lab = await get(subject, `${base(subject)}/lab`);
      expect(lab.status === 200, `/lab answers ${lab.status}`);
      return `Jupyter Server ${version}`;
    },
  },
  {
    ...{ assertion: 38, boot: "main", profile: "gate" },
    async run(subject) {
      for (const path of ["/api", "/jupyter/999999/api", "/lab"]) {
        const { status } = await get(subject, path);
        expect(status === 404 || (status >= 300 && status < 400), `${path} answers ${status}`);
      }
      return undefined;
    },
  },
  {
    ...{ assertion: 39, boot: "main", profile: "gate" },
    async run(subject) {
      const user = await subject.guest.text(`ps -o user:40= -p ${await mainPid(subject)}`);
      expect(user === subject.owner, `it runs as ${user}`);
      return undefined;
    },
  },
  {
    ...{ assertion: 40, boot: "main", profile: "full" },
    async run(subject) {
      const { code, stdout, stderr } = await subject.guest.exec(
        ["/opt/jupyter/bin/python", "-c", guestFile("kernel.py"), `http://127.0.0.1:8888${base(subject)}/`],
        { timeoutSeconds: 240 },
      );
      // Of a traceback the last line says it.
      expect(code === 0, (stderr.trim() || stdout.trim()).split("\n").at(-1) ?? "");
      return stdout.trim();
    },
  },
  {
    ...{ assertion: 41, boot: "main", profile: "gate" },
    async run(subject) {
      const { status } = await get(subject, `${base(subject)}/api/contents`, { method: "POST", body: "{}" });
      expect(status === 403, `it answers ${status}`);
      return undefined;
    },
  },
  {
    ...{ assertion: 42, boot: "main", profile: "gate" },
    async run(subject) {
      const { headers } = await get(subject, `${base(subject)}/lab`);
      const policy = headers.get("content-security-policy") ?? "";
      const frame = headers.get("x-frame-options");
      expect(!frame || /sameorigin/i.test(frame), `X-Frame-Options is ${frame}`);
      expect(!/frame-ancestors/.test(policy) || /frame-ancestors[^;]*'self'/.test(policy), policy);
      return policy.split(";")[0];
    },
  },
  {
    ...{ assertion: 43, boot: "main", profile: "full" },
    async run(subject) {
      const before = await mainPid(subject);
      await subject.guest.text(`kill -KILL ${before}`);
      const began = performance.now();
      await answering(subject, START_SECONDS);
      const seconds = (performance.now() - began) / 1000;
      expect((await mainPid(subject)) !== before, "it was not killed");
      // Without KVM Python alone takes longer to load it than an instance of a cloud takes for all.
      expect(seconds <= 30 || subject.instance.accelerator === "tcg", `it was back after ${seconds.toFixed(0)} s`);
      return `back after ${seconds.toFixed(0)} s${subject.instance.accelerator === "tcg" ? ", without KVM" : ""}`;
    },
  },
  {
    ...{ assertion: 43, boot: "bare", profile: "full" },
    async run(subject) {
      await answering(subject, START_SECONDS);
      return `another instance has ${base(subject)}/`;
    },
  },
  {
    ...{ assertion: 44, boot: "main", profile: "full" },
    run: async ({ guest }) => guest.text("/usr/lib/visa/jupyter-kernels test", { timeoutSeconds: 400 }),
  },
];
