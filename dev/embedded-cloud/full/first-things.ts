/** What a full cloud has from its first start on: an external network and some flavours. */
import { call } from "../http";
import { type Identity, unexpected } from "../identity";
import { EXTERNAL_NETWORK, EXTERNAL_SUBNET } from "../services/neutron";
import { type FullCloudSettings, fullEndpoints } from "../settings";

/** Each fits on a machine with a few GiB to spare: a guest takes what it uses. */
const FLAVORS = [
  { name: "m1.tiny", vcpus: 1, ram: 256, disk: 1 },
  { name: "m1.small", vcpus: 1, ram: 1024, disk: 10 },
  { name: "m1.medium", vcpus: 2, ram: 2048, disk: 20 },
];

/** Makes what is missing of them. */
export async function addFirstThings(settings: FullCloudSettings, { token }: Identity): Promise<void> {
  const { nova, neutron } = fullEndpoints(settings);
  const send = async (method: string, url: string, body?: unknown): Promise<Record<string, unknown>> => {
    const answer = await call(method, url, { token, body });
    if (answer.status >= 300) throw unexpected(method, url, answer);
    return answer.body as Record<string, unknown>;
  };
  const { flavors } = await send("GET", `${nova}/flavors`);
  for (const flavor of FLAVORS) {
    if ((flavors as { name: string }[]).some(({ name }) => name === flavor.name)) continue;
    await send("POST", `${nova}/flavors`, { flavor });
  }
  const { name } = EXTERNAL_NETWORK;
  const { networks } = await send("GET", `${neutron}/v2.0/networks?name=${name}`);
  let [network] = networks as { id: string }[];
  network ??= (await send("POST", `${neutron}/v2.0/networks`, { network: EXTERNAL_NETWORK })).network as { id: string };
  const { subnets } = await send("GET", `${neutron}/v2.0/subnets?network_id=${network.id}`);
  if ((subnets as unknown[]).length === 0) {
    await send("POST", `${neutron}/v2.0/subnets`, { subnet: { ...EXTERNAL_SUBNET, network_id: network.id } });
  }
}
