/** What Nova is told about this package's own servers: to make one, to show it and its console, to delete it. Others' are in nova.ts. */
import { usageError, VisaImageError } from "../errors";
import { suggestion } from "../nearest";
import { asRecord, asString, listOf } from "./keystone";
import { Refusal, Service, type SignedIn } from "./service";

/** A flavour. */
export interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  /** In MiB. */
  readonly memoryMb: number;
  /** Of the root disk, in GiB; 0: as large as the image says. */
  readonly diskGb: number;
}

/** A server to be made. */
export interface ServerRequest {
  readonly name: string;
  readonly imageId: string;
  readonly flavor: Flavor;
  readonly networkId: string;
  /** Ids. */
  readonly securityGroups: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** The document itself, not as Base64. */
  readonly userData: string;
  /** Whether it gets a config drive. VISA says nothing, which is no. @default false */
  readonly configDrive?: boolean;
}

/** A server, as Nova shows it. */
export interface Server {
  readonly id: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The project that it belongs to. */
  readonly projectId: string;
  /** Nova's word: BUILD, ACTIVE, ERROR, … */
  readonly status: string;
  /** Why it is in ERROR, in Nova's words. */
  readonly fault?: string;
  readonly hasConfigDrive: boolean;
  readonly addresses: readonly ServerAddress[];
}

/** An address of a server. */
export interface ServerAddress {
  readonly address: string;
  readonly version: 4 | 6;
  readonly kind: "fixed" | "floating";
}

/** Nova, signed in to. */
export class Nova {
  private readonly service: Service;

  /** @throws VisaImageError where the catalog has no Nova */
  constructor(signedIn: SignedIn) {
    this.service = new Service(signedIn, { type: "compute", name: "Nova" });
  }

  /** The flavour of that name or id. @throws VisaImageError where there is none */
  async flavor(nameOrId: string): Promise<Flavor> {
    const all = await this.flavors();
    const found = all.find(({ id }) => id === nameOrId) ?? all.find(({ name }) => name === nameOrId);
    if (found) return found;
    const names = all.map(({ name }) => name);
    throw usageError(`Nova has no flavour "${nameOrId}"`, undefined, suggestion(nameOrId, names, "flavours"));
  }

  /** All flavours that the user may take. */
  async flavors(): Promise<Flavor[]> {
    const { flavors } = await this.service.read("/flavors/detail?limit=1000", "list the flavours");
    return listOf(flavors).map(flavorOf);
  }

  /** The project's limits and what is in use of them, by Nova's names for them: `maxTotalCores`. -1 is no limit. */
  async limits(): Promise<Readonly<Record<string, unknown>>> {
    const { limits } = await this.service.read("/limits", "ask for the project's limits");
    return asRecord(asRecord(limits).absolute);
  }

  /** Has a server made, and returns its id at once. @throws Refusal with what Nova lacks or does not like */
  async create(request: ServerRequest): Promise<string> {
    const { name, imageId, flavor, networkId, securityGroups, metadata, userData, configDrive } = request;
    const server = {
      ...{ name, imageRef: imageId, flavorRef: flavor.id, networks: [{ uuid: networkId }], metadata },
      security_groups: securityGroups.map((id) => ({ name: id })),
      user_data: Buffer.from(userData).toString("base64"),
      ...(configDrive && { config_drive: true }),
    };
    const what = `make an instance of the flavour "${flavor.name}"`;
    const made = await this.service.post("/servers", { server }, what, (status, words) => {
      if (/too small|larger than|minimum/i.test(words))
        return "take a flavour with more of that: openstack flavor list";
      return status === 400 && /user_?data/i.test(words) ? "shorten the boot command" : undefined;
    });
    return String(asRecord(made.server).id);
  }

  /** A server; nothing where it is gone. */
  async server(id: string): Promise<Server | undefined> {
    const found = await this.service.find(`/servers/${id}`, `read the server "${id}"`);
    return found && serverOf(asRecord(found.server));
  }

  /** The servers whose name has that pattern, as Nova's database takes it. */
  async servers(pattern: string): Promise<Server[]> {
    const query = new URLSearchParams({ name: pattern });
    const { servers } = await this.service.read(`/servers/detail?${query}`, "list the servers");
    return listOf(servers).map(serverOf);
  }

  /** Asks for a server's deletion, which takes its time. */
  async delete(id: string): Promise<void> {
    await this.service.delete(`/servers/${id}`, `delete the server "${id}"`);
  }

  /**
   * What its serial console shows.
   *
   * @param lines how many of the last ones; without it, as far back as Nova keeps it
   * @throws Refusal where this Nova has no consoles
   */
  async console(id: string, lines?: number): Promise<string> {
    const action = { "os-getConsoleOutput": lines === undefined ? {} : { length: lines } };
    const { output } = await this.service.post(`/servers/${id}/action`, action, `read the console of "${id}"`);
    return asString(output) ?? "";
  }
}

/**
 * The error for a server that Nova gave up, with its own words.
 *
 * @param console the end of what it has shown; empty where it never ran
 */
export function serverFault({ fault }: Server, flavor: Flavor, console: string): VisaImageError {
  const shown = console ? `; the console ends with:\n${console}` : "";
  const fix = /no valid host/i.test(fault ?? "")
    ? `no host has room for the flavour "${flavor.name}" (${flavor.vcpus} CPUs, ${flavor.memoryMb} MiB, ${flavor.diskGb} GiB): take a smaller one, or wait`
    : "see the log of nova-compute and nova-conductor";
  return new VisaImageError(`the instance is in ERROR: ${fault ?? "Nova gives no reason"}${shown}`, { fix });
}

/** Whether a failed request may have made something all the same: nobody has said no. */
export function mayHaveWorked(error: unknown): boolean {
  return !(error instanceof Refusal && error.status < 500);
}

function flavorOf(value: unknown): Flavor {
  const { id, name, vcpus, ram, disk } = asRecord(value);
  return { id: String(id), name: String(name), vcpus: Number(vcpus), memoryMb: Number(ram), diskGb: Number(disk) };
}

function serverOf(server: Record<string, unknown>): Server {
  const { id, name, metadata, tenant_id: project, status, config_drive: drive, addresses } = server;
  const { message, details } = asRecord(server.fault);
  const fault = asString(message) ?? asString(details)?.trim().split("\n").at(-1);
  return {
    ...{ id: String(id), name: asString(name) ?? "", metadata: asRecord(metadata), projectId: String(project) },
    ...{ status: String(status), hasConfigDrive: String(drive).toLowerCase() === "true" },
    ...(fault !== undefined && { fault }),
    addresses: Object.values(asRecord(addresses))
      .flatMap(listOf)
      .map((each) => ({
        address: String(each.addr),
        version: each.version === 6 ? 6 : 4,
        kind: each["OS-EXT-IPS:type"] === "floating" ? "floating" : "fixed",
      })),
  };
}
