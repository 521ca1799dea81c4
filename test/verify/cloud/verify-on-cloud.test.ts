/** A registered image on a cloud that plays Nova: what it is asked for, what its refusals become, and that nothing stays. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { delimiter, join } from "node:path";
import { Cloud } from "../../../lib/cloud/cloud";
import type { GlanceImage } from "../../../lib/cloud/glance";
import { credentialsFrom } from "../../../lib/cloud/keystone";
import type { TrialPlace } from "../../../lib/verify/cloud/trial";
import { type VerifyOnCloudOptions, verifyOnCloud } from "../../../lib/verify/cloud/verify-on-cloud";
import type { Finding, VerifyReport } from "../../../lib/verify/verify-report";
import { scratchFolder } from "../../support/scratch";
import { InstanceCloud } from "./cloud-stand-in";

let cloud: InstanceCloud;
let reports: string;
let guests: Server[];
const said: string[] = [];

beforeEach(async () => {
  cloud = new InstanceCloud();
  await cloud.start();
  // Of this test alone: what listens on all addresses of the machine is none of its business.
  cloud.address = `127.42.${process.pid % 250}.7`;
  reports = scratchFolder();
  guests = [];
  said.length = 0;
});
afterEach(async () => {
  await cloud.stop();
  for (const guest of guests) guest.close();
});

/** Has something listen on ports of the instance's address. */
async function listen(...ports: number[]): Promise<void> {
  for (const port of ports) {
    const guest = createServer((socket) => socket.on("error", () => {}).end());
    guests.push(guest);
    await new Promise<void>((done) => guest.listen(port, cloud.address, done));
  }
}

async function place(more: Partial<TrialPlace> = {}): Promise<TrialPlace> {
  const { nova, neutron } = await Cloud.connect(credentialsFrom(cloud.environment));
  const [flavor, network] = [await nova.flavor("m1.medium"), await neutron.network("visa")];
  return { nova, neutron, flavor, network, securityGroups: [], ...more };
}

async function verifyIt(
  options: Partial<VerifyOnCloudOptions> = {},
  where: Partial<TrialPlace> = {},
): Promise<VerifyReport> {
  return verifyOnCloud({
    ...{ image: cloud.image as GlanceImage, place: await place(where), template: "t", fingerprint: "cd".repeat(32) },
    ...{ profile: "gate", parts: [], bootCommand: "#!/bin/bash\ntrue\n", sources: ["metadata-service"], verified: [] },
    ...{ scratch: scratchFolder(), reports, onMessage: (text) => said.push(text) },
    ...options,
  });
}

const finding = ({ findings }: VerifyReport, number: number) =>
  findings.find((each) => each.number === number) as Finding;

test("an instance as VISA asks for it, in a group of its own, and all of it removed", async () => {
  let asked: Record<string, unknown> = {};
  cloud.onServer = () => {
    asked = [...cloud.servers.values()][0]?.asked;
  };
  // Neutron's port goes a moment after Nova's instance.
  cloud.busyGroups = 1;
  const report = await verifyIt();
  expect(report).toMatchObject({ passed: true, accelerator: "nova", cloud: { image: "img", flavor: "m1.medium" } });
  expect(report).not.toHaveProperty("sha512");
  expect(finding(report, 51)).toMatchObject({ verdict: "pass", detail: "active, 1 MiB" });
  expect(finding(report, 56)).toMatchObject({ verdict: "pass" });
  expect(asked).toMatchObject({
    ...{ name: expect.stringMatching(/^image-check-[0-9a-f]{8}$/), imageRef: "img", flavorRef: "2" },
    ...{ networks: [{ uuid: "net-visa" }], security_groups: [{ name: "security-groups-1" }] },
    metadata: { owner: "ada.lovelace", id: "4711", pamPublicKey: expect.stringContaining("BEGIN PUBLIC KEY") },
  });
  expect(asked).not.toHaveProperty("config_drive");
  expect(asked).not.toHaveProperty("key_name");
  for (const value of Object.values(asked.metadata as object)) expect(value.length).toBeLessThanOrEqual(255);
  expect(Buffer.from(String(asked.user_data), "base64").toString()).toContain("multipart/mixed");
  expect(cloud.rules.map((rule) => rule.port_range_min)).toEqual([22, 3389, 4822, 8888]);
  expect(cloud.left).toEqual([]);
  expect(JSON.parse(readFileSync(join(reports, "report.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(report)));
});

test("with VISA's own groups only ssh is opened beside them; a config drive is asked for; a floating address goes too", async () => {
  const asked: Record<string, unknown>[] = [];
  cloud.onServer = () => {
    asked.push([...cloud.servers.values()].at(-1)?.asked);
  };
  const floatingPool = { id: "net-external", name: "external" };
  // Not a network of this machine's.
  cloud.address = "192.0.2.7";
  const where = { securityGroups: [{ id: "g", name: "visa" }], from: "192.0.2.0/24", floatingPool };
  await verifyIt({ sources: ["metadata-service", "config-drive"] }, where);
  expect(asked.map((each) => each.config_drive)).toEqual([undefined, true]);
  expect(asked[0]?.security_groups).toEqual([{ name: "g" }, { name: expect.stringContaining("security-groups-") }]);
  expect(cloud.rules).toHaveLength(2);
  expect(cloud.rules[0]).toMatchObject({ port_range_min: 22, remote_ip_prefix: "192.0.2.0/24", ethertype: "IPv4" });
  expect(cloud.left).toEqual([]);
});

test("ACTIVE by VISA's rule, seen from here; without an sshd nothing is looked at inside, and that is said", async () => {
  cloud.consoleText = "\r\nvisa-verify: no sshd\r\n";
  await listen(4822, 3389);
  const report = await verifyIt({ parts: ["desktop"], patience: 0.02 });
  expect(finding(report, 55)).toMatchObject({ verdict: "pass", detail: expect.stringMatching(/ACTIVE .*4822 after/) });
  expect(finding(report, 15)).toMatchObject({ verdict: "not applicable", detail: expect.stringContaining("no sshd") });
  // What listens there speaks no Guacamole.
  expect(finding(report, 14)).toMatchObject({ verdict: "fail" });
  expect(report.passed).toBe(false);
  expect(readFileSync(join(reports, "metadata-service-console.log"), "utf8")).toContain("no sshd");
  expect(cloud.left).toEqual([]);
});

/** In ssh's place an agent that answers as a guest with an owner, but for the account. */
const GUEST = `#!/usr/bin/env python3
import json, os, sys
folder = os.path.dirname(__file__)
known = next(word.split("=")[1] for word in sys.argv if word.startswith("UserKnownHostsFile="))
open(os.path.join(folder, "asked"), "w").write(json.dumps([sys.argv[1:], open(known).read()]))
def say(message): print(json.dumps(message), flush=True)
say({"id": 0, "hello": "boot"})
for line in sys.stdin:
    request = json.loads(line)
    script = request.get("stdin", "")
    out = "qemu" if "detect-virt" in script else ""
    if "result.json" in script: out = json.dumps({"v1": {"datasource": "DataSourceOpenStackLocal [net,ver=2]", "errors": []}})
    if request.get("events"): say({"id": request["id"], "events": {"owner": 50, "3389": 60, "4822": 58}})
    else: say({"id": request["id"], "code": 0, "stdout": out, "stderr": ""})
`;

test("inside by the same agent, over ssh, to the host whose key the console has told", async () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, "ssh"), GUEST, { mode: 0o755 });
  const { PATH } = process.env;
  process.env.PATH = `${folder}${delimiter}${PATH}`;
  cloud.consoleText = "visa-verify: host key ssh-ed25519 AAAAkey=\r\n";
  const report = await verifyIt({ parts: ["boot"], patience: 0.02 });
  process.env.PATH = PATH;
  expect(finding(report, 1)).toMatchObject({ verdict: "pass", detail: "DataSourceOpenStackLocal [net,ver=2]" });
  expect(finding(report, 2)).toMatchObject({ verdict: "not applicable" });
  expect(finding(report, 12)).toMatchObject({ verdict: "pass" });
  expect(finding(report, 4)).toMatchObject({ verdict: "fail", detail: 'the account is called ""' });
  expect(finding(report, 59)).toMatchObject({ verdict: "fail", detail: expect.stringContaining("instance's UUID") });
  const [args, known] = JSON.parse(readFileSync(join(folder, "asked"), "utf8"));
  expect(args).toEqual(expect.arrayContaining(["StrictHostKeyChecking=yes", cloud.address]));
  expect(args.at(-1)).toBe("python3 /run/visa-verify/agent.py --relay /run/visa-verify/agent.sock");
  expect(known).toBe("instance ssh-ed25519 AAAAkey=\n");
  expect(cloud.left).toEqual([]);
});

test("a token that ends meanwhile is made anew: what was made is removed all the same", async () => {
  let refused = 0;
  cloud.instead = (request) =>
    request.startsWith("DELETE") && refused++ === 0
      ? { status: 401, body: { error: { message: "expired" } } }
      : undefined;
  await verifyIt();
  expect(cloud.tokens).toBe(2);
  expect(cloud.left).toEqual([]);
});

test("fails without a boot where Glance has other bytes than passed the gate", async () => {
  const report = await verifyIt({ verified: ["ef".repeat(64)] });
  expect(report.passed).toBe(false);
  expect(finding(report, 51)).toMatchObject({
    ...{ verdict: "fail", detail: expect.stringContaining("its SHA-512 is abababababab…, and what passed the gate") },
  });
  expect(said).toEqual([]);
});

test.each<[string, () => void, RegExp]>([
  [
    "no quota for an instance",
    () => answerOnce("POST /nova/servers", 403, { forbidden: { message: "Quota exceeded for cores: Requested 2" } }),
    /cannot make an instance of the flavour "m1.medium": Nova answered 403: Quota exceeded for cores[\s\S]*fix: free some of the project's quota/,
  ],
  [
    "no quota for a group",
    () =>
      answerOnce("POST /neutron/v2.0/security-groups", 409, {
        NeutronError: { message: "Quota exceeded for resources" },
      }),
    /cannot make the security group .* Neutron answered 409: Quota exceeded[\s\S]*fix: free some/,
  ],
  [
    "a flavour that is too small",
    () =>
      answerOnce("POST /nova/servers", 400, {
        badRequest: { message: "Flavor's disk is too small for requested image." },
      }),
    /disk is too small[\s\S]*fix: take a flavour with more of that/,
  ],
  [
    "an instance that ends in ERROR",
    () => {
      cloud.status = "ERROR";
      cloud.fault = "No valid host was found. ";
      cloud.consoleText = "first\nKernel panic\n";
    },
    /the instance is in ERROR: No valid host was found[\s\S]*Kernel panic[\s\S]*fix: no host has room for the flavour "m1.medium" \(2 CPUs, 4096 MiB, 20 GiB\)/,
  ],
  [
    "a Nova that fails, and has made it all the same",
    () => {
      cloud.onServer = () => {
        cloud.onServer = () => {};
        throw new Error("cut off");
      };
    },
    /cannot reach|cannot make/,
  ],
])("fails for %s, with a fix, and nothing stays", async (_, arrange, message) => {
  arrange();
  await expect(verifyIt()).rejects.toThrow(message);
  expect(cloud.left).toEqual([]);
  expect(existsSync(join(reports, "report.json"))).toBe(false);
  if (cloud.consoleText) expect(readFileSync(join(reports, "metadata-service-console.log"), "utf8")).toContain("panic");
});

test("fails for flavours and networks that are not there, with those that are", async () => {
  const { nova, neutron } = await place();
  await expect(nova.flavor("m1.medum")).rejects.toThrow(
    'Nova has no flavour "m1.medum"\n  fix: did you mean "m1.medium"?',
  );
  await expect(neutron.network("lab")).rejects.toThrow('Neutron shows no network "lab"');
});

test("an interrupt while Nova is asked waits for its answer, and removes what came of it", async () => {
  let removal: Promise<string[]> | undefined;
  const options: Partial<VerifyOnCloudOptions> = {
    onTrial: (trial) => {
      cloud.onServer = () => {
        removal = trial.remove();
      };
    },
  };
  await verifyIt(options).catch(() => {});
  expect(await removal).toEqual([]);
  expect(cloud.left).toEqual([]);
});

test("fails, and says by which command it is removed, where something cannot be removed", async () => {
  cloud.instead = (request) =>
    request.startsWith("DELETE /neutron")
      ? { status: 403, body: { NeutronError: { message: "not allowed" } } }
      : undefined;
  const report = await verifyIt();
  expect(finding(report, 56)).toMatchObject({
    verdict: "fail",
    detail: expect.stringContaining(
      "openstack security group delete security-groups-1 (cannot delete the security group",
    ),
  });
  expect(report.passed).toBe(false);
});

function answerOnce(request: string, status: number, body: object): void {
  cloud.instead = (told) => (told === request ? { status, body } : undefined);
}
