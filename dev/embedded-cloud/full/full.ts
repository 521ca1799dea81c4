/** Keystone, Glance, Placement, Nova and Neutron, in namespaces of their own. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../../../lib/presence";
import { chooseAccelerator } from "../../../lib/runner/host/accelerator";
import { call } from "../http";
import type { Account } from "../identity";
import { DATABASE_COMMAND, databaseInit, INSTALL_ARGUMENTS } from "../services/database";
import { LIBVIRT_FILES } from "../services/libvirt";
import { MESSAGES_COMMAND, MESSAGES_VARIABLES, messagesConfiguration } from "../services/messages";
import { DHCP_CONFIGURATION, metadataConfiguration, neutronConfiguration } from "../services/neutron";
import { novaConfiguration } from "../services/nova";
import { placementCommand, placementConfiguration } from "../services/placement";
import { FULL_HOME, type FullCloudSettings, fullEndpoints } from "../settings";
import { type SmallOptions, startSmall } from "../small";
import type { Workbench } from "../workbench";
import { addFirstThings } from "./first-things";
import { enterNamespace, NAMESPACE, startNamespace } from "./namespace";
import { AGENTS, BRIDGES, BRIDGES_COMMAND, COMPUTE, CONTROL, RELAY, relayedPorts } from "./services";

/** Placement reads its configuration from a folder. */
const PLACEMENT = { OS_PLACEMENT_CONFIG_DIR: FULL_HOME };

/** Starts all of it. */
export async function startFull(bench: Workbench, settings: FullCloudSettings, options: SmallOptions): Promise<void> {
  const { fresh } = options;
  await startNamespace(bench);
  const outside = await enterNamespace(bench.service(NAMESPACE), "but network");
  await bench.start(
    RELAY,
    ["python3", join(__dirname, "relay.py"), "/proc/1/ns/net", ...relayedPorts(settings).map(String)],
    {},
    outside,
  );
  await writeConfiguration(bench, settings);
  const { neutron, nova, placement } = fullEndpoints(settings);
  const started = Date.now();
  // Keystone and Glance need nothing of the others.
  const [identity] = await bench.together(
    startSmall(bench, settings, { ...options, accounts: accounts(settings) }),
    startFoundation(bench).then(() => (fresh ? makeDatabases(bench) : undefined)),
  );
  await identity.addMember(settings.full.memberPassword);

  await bench.start("placement", placementCommand(settings), PLACEMENT);
  for (const [name, command] of Object.entries(CONTROL)) await bench.start(name, command);
  const get = async (url: string) =>
    (await call("GET", url, { token: identity.token })).body as Record<string, Record<string, string>[] | undefined>;
  // What was there before this start says "up" for a minute.
  const since = (time: string | undefined) => time !== undefined && Date.parse(`${time.replace(" ", "T")}Z`) >= started;
  const reported = async (...names: string[]) => {
    const { agents = [] } = await get(`${neutron}/v2.0/agents`);
    const alive = agents.filter((agent) => since(agent.heartbeat_timestamp)).map(({ binary }) => binary);
    return names.every((name) => alive.includes(`${name}-agent`));
  };
  const hostReported = async () => {
    const { services = [] } = await get(`${nova}/os-services?binary=nova-compute`);
    const { hypervisors = [] } = await get(`${nova}/os-hypervisors`);
    return hypervisors.length > 0 && services.some(({ updated_at }) => since(updated_at?.replace(/\..*/, "")));
  };
  bench.say("waiting for the APIs, Nova's host and Neutron's agents");
  const answers = bench.ready("neutron", neutron);
  await bench.together(
    (async () => {
      // It asks Placement once a minute, and first of all when it starts.
      await bench.ready("placement", placement);
      await bench.start("nova-compute", COMPUTE);
      await bench.ready("nova", `${new URL(nova).origin}/`);
      await answers;
      await addFirstThings(settings, identity);
      await bench.until("nova-compute", "report its host", hostReported);
    })(),
    (async () => {
      await answers;
      await bench.start(BRIDGES, BRIDGES_COMMAND);
      // What DHCP and routers ask for is bound on its bridges: "Failed to bind port" where it has not reported.
      await bench.until(BRIDGES, "report to Neutron", () => reported(BRIDGES));
      for (const [name, command] of Object.entries(AGENTS)) await bench.start(name, command);
      await bench.until("neutron", "hear of its agents", () => reported(...Object.keys(AGENTS)));
    })(),
  );
}

async function writeConfiguration(bench: Workbench, settings: FullCloudSettings): Promise<void> {
  const accelerator = await chooseAccelerator("auto");
  bench.say(`nova: guests run by ${accelerator.name.toUpperCase()} (${accelerator.reason})`);
  await mkdir(join(bench.folder, "policy.d"), { recursive: true, mode: 0o700 });
  const files = {
    "policy.yaml": "# The built-in rules.\n",
    "mysql.sql": databaseInit(settings),
    "rabbitmq.conf": messagesConfiguration(settings),
    "placement.conf": placementConfiguration(settings),
    "nova.conf": novaConfiguration(settings, accelerator.name),
    "neutron.conf": neutronConfiguration(settings),
    "neutron-dhcp.conf": DHCP_CONFIGURATION,
    "neutron-metadata.conf": metadataConfiguration(settings),
  };
  for (const [name, text] of Object.entries(files)) await bench.write(name, text);
  for (const [name, text] of Object.entries(LIBVIRT_FILES)) await bench.write(join("libvirt/etc", name), text);
}

async function startFoundation(bench: Workbench): Promise<void> {
  await bench.start("messages", MESSAGES_COMMAND, MESSAGES_VARIABLES);
  if (!(await exists(join(bench.folder, "mysql/mysql")))) {
    bench.say("database: making it");
    await bench.run("mariadb-install-db", INSTALL_ARGUMENTS);
  }
  await bench.start("database", DATABASE_COMMAND);
  await bench.start("virtlogd", ["virtlogd", "--config", "/etc/libvirt/virtlogd.conf"]);
  await bench.start("libvirtd", ["libvirtd", "--config", "/etc/libvirt/libvirtd.conf"]);
  const says = async (name: string, words: RegExp) =>
    words.test(await readFile(bench.service(name).log, "utf8").catch(() => ""));
  await bench.until("database", "accept connections", () => says("database", /ready for connections/));
  // The others would only wait for it, and be blamed for that.
  await bench.until("messages", "accept connections", () => says("messages", /started TCP listener/));
}

/** Schemas: Nova's and Neutron's take half a minute each, so they are made side by side. */
async function makeDatabases(bench: Workbench): Promise<void> {
  bench.say("placement, nova, neutron: making their databases");
  const nova = (...args: string[]) => bench.run("nova-manage", ["--config-file", `${FULL_HOME}/nova.conf`, ...args]);
  await bench.together(
    bench.run("placement-manage", ["--config-file", `${FULL_HOME}/placement.conf`, "db", "sync"]),
    bench.run("neutron-db-manage", ["--config-file", `${FULL_HOME}/neutron.conf`, "upgrade", "heads"]),
    (async () => {
      await nova("api_db", "sync");
      // Without a URL, which would be seen among the machine's processes: it is the other one's, with _cell0 behind it.
      await nova("cell_v2", "map_cell0");
      await nova("db", "sync");
      // 2: it is there already.
      const create = ["--config-file", `${FULL_HOME}/nova.conf`, "cell_v2", "create_cell", "--name", "cell1"];
      await bench.run("nova-manage", create, { accept: [2] });
    })(),
  );
}

function accounts(settings: FullCloudSettings): Account[] {
  const urls = fullEndpoints(settings);
  const password = settings.full.servicePassword;
  return [
    { name: "placement", password, type: "placement", url: urls.placement },
    { name: "nova", password, type: "compute", url: urls.nova },
    { name: "neutron", password, type: "network", url: urls.neutron },
  ];
}
