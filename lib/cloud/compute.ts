/** What Nova is told about a single server: to make one, to show it and its console, to delete it. Lists are in nova.ts. */
import { usageError, VisaImageError } from "../errors";
import { suggestion } from "../nearest";
import { asRecord, asString, type Session } from "./keystone";
import { Refusal, Service } from "./service";

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
  constructor(session: Session) {
    this.service = new Service(session, { type: "compute", name: "Nova" });
  }

  /** The flavour of that name or id. @throws VisaImageError where there is none */
  async flavor(nameOrId: string): Promise<Flavor> {
    const { flavors } = await this.service.read("/flavors/detail?limit=1000", "list the flavours");
    const all = (Array.isArray(flavors) ? flavors : []).map(flavorOf);
    const found = all.find(({ id }) => id === nameOrId) ?? all.find(({ name }) => name === nameOrId);
    if (found) return found;
    const names = all.map(({ name }) => name);
    throw usageError(`Nova has no flavour "${nameOrId}"`, undefined, suggestion(nameOrId, names, "flavours"));
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

  /** Ids of the own project's servers of exactly that name. */
  async named(name: string): Promise<string[]> {
    const query = new URLSearchParams({ name: `^${name}$` });
    const { servers } = await this.service.read(`/servers?${query}`, "list the servers");
    return (Array.isArray(servers) ? servers : []).map((each) => String(asRecord(each).id));
  }

  /** Asks for a server's deletion, which takes its time. */
  async delete(id: string): Promise<void> {
    await this.service.delete(`/servers/${id}`, `delete the server "${id}"`);
  }

  /** What its serial console shows, as far back as Nova keeps it. @throws Refusal where this Nova has no consoles */
  async console(id: string): Promise<string> {
    const action = { "os-getConsoleOutput": {} };
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

function serverOf({ id, status, fault, config_drive, addresses }: Record<string, unknown>): Server {
  const message = asString(asRecord(fault).message);
  const all = Object.values(asRecord(addresses)).flatMap((each) => (Array.isArray(each) ? each : []));
  return {
    ...{ id: String(id), status: String(status), hasConfigDrive: String(config_drive).toLowerCase() === "true" },
    ...(message !== undefined && { fault: message }),
    addresses: all.map(asRecord).map((each) => ({
      address: String(each.addr),
      version: each.version === 6 ? 6 : 4,
      kind: each["OS-EXT-IPS:type"] === "floating" ? "floating" : "fixed",
    })),
  };
}
