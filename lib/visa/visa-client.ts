/** VISA's images and plans, read and changed by GraphQL. */
import type { CloudClient, Entry, Flavour, Plan, Protocol } from "./entry";
import type { Mutation } from "./entry-changes";
import type { Found } from "./fields";
import { Connection, type ConnectionOptions, notAdministrator } from "./graphql";

/** Who the token is. */
export interface Account {
  readonly name: string;
  readonly roles: readonly string[];
}

/** What is read of an entry that is not a text, a number or a choice. */
const OBJECTS: Readonly<Record<string, string>> = {
  protocols: "protocols { id name port }",
  defaultVdiProtocol: "defaultVdiProtocol { id }",
  secondaryVdiProtocol: "secondaryVdiProtocol { id }",
};

const MUTATIONS: Readonly<Record<Mutation["name"], string>> = {
  createImage: "mutation ($input: ImageInput!) { createImage(input: $input) { id } }",
  updateImage: "mutation ($id: Int!, $input: ImageInput!) { updateImage(id: $id, input: $input) { id } }",
  deleteImage: "mutation ($id: Int!) { deleteImage(id: $id) { id } }",
  createPlan: "mutation ($input: PlanInput!) { createPlan(input: $input) { id } }",
  updatePlan: "mutation ($id: Int!, $input: PlanInput!) { updatePlan(id: $id, input: $input) { id } }",
  deletePlan: "mutation ($id: Int!) { deletePlan(id: $id) { id } }",
};

interface TypeReference {
  readonly kind: string;
  readonly ofType?: TypeReference | null;
}

/** An instance, as VISA's table has it. */
export interface VisaInstanceEntry {
  /** The server's id in Nova. */
  readonly computeId: string;
  /** When VISA ends it: ISO 8601; null where it has no end. */
  readonly ends: string | null;
  /** The full name of its owner. @default - VISA does not say it */
  readonly owner?: string;
}

interface InstancePage {
  readonly pageInfo?: { readonly count?: number };
  readonly data?:
    | readonly {
        readonly computeId?: string | null;
        readonly terminationDate?: string | null;
        readonly owner?: { readonly fullName?: string | null } | null;
      }[]
    | null;
}

/** The most that VISA gives (its message says 200). */
const INSTANCES_AT_ONCE = 50;

/** VISA's API, by one administrator. */
export class VisaClient {
  readonly connection: Connection;
  private schema?: { readonly inputFields: readonly string[]; readonly imageFields: readonly string[] };

  /** @throws VisaImageError where the environment names no VISA */
  constructor(options: ConnectionOptions) {
    this.connection = new Connection(options);
  }

  /** Ends the connections that are kept. */
  close(): Promise<void> {
    return this.connection.close();
  }

  /** VISA's version. It needs no token. */
  async version(): Promise<string> {
    return String((await this.connection.get("configuration", false)).version ?? "unknown");
  }

  /** Who the token is. */
  async account(): Promise<Account> {
    const { fullName, activeUserRoles } = await this.connection.get("account", true);
    const roles = Array.isArray(activeUserRoles) ? activeUserRoles : [];
    return { name: String(fullName ?? ""), roles: roles.map(({ name }: { name?: unknown }) => String(name)) };
  }

  /** @throws VisaImageError where the token is not that of an administrator: GraphQL says "System error" then */
  async checkRole(): Promise<void> {
    const { roles } = await this.account();
    if (!roles.includes("ADMIN")) throw notAdministrator(roles);
  }

  /** Everything that a registration looks at. Secrets of clouds, which an administrator may read, are not asked for. */
  async read(): Promise<Found> {
    const { inputFields, imageFields } = await this.readSchema();
    const data = await this.connection.ask(
      `{ images { ${imageFields.map((name) => OBJECTS[name] ?? name).join(" ")} }
         plans { id preset image { id } flavour { id } }
         flavours { id name } imageProtocols { id name port } cloudClients { id name } }`,
    );
    const list = <T>(name: string) => (Array.isArray(data[name]) ? data[name] : []) as readonly T[];
    type ReadPlan = Pick<Plan, "id" | "preset"> & { readonly image: { id: number }; readonly flavour: { id: number } };
    return {
      inputFields,
      entries: list<Entry>("images"),
      plans: list<ReadPlan>("plans").map(({ id, preset, image, flavour }) => ({
        ...{ id, preset },
        imageId: image.id,
        flavourId: flavour.id,
      })),
      flavours: list<Flavour>("flavours"),
      protocols: list<Protocol>("imageProtocols"),
      cloudClients: list<CloudClient>("cloudClients"),
    };
  }

  /** How many instances there are, by the id of the entry that their plan has now. */
  async instances(): Promise<ReadonlyMap<number, number>> {
    const { countInstancesByImages } = await this.connection.ask("{ countInstancesByImages { id total } }");
    const counts = (countInstancesByImages ?? []) as readonly { readonly id: number; readonly total: number }[];
    return new Map(counts.map(({ id, total }) => [id, total]));
  }

  /**
   * All instances: the server behind each, when VISA ends it, and whose it is. Asked in the order of their ids, since VISA
   * gives at most 50 at once; with a filter that filters nothing, without which it counts none ("System error").
   */
  async instanceList(): Promise<VisaInstanceEntry[]> {
    const found = new Map<string, VisaInstanceEntry>();
    for (let offset = 0; ; offset += INSTANCES_AT_ONCE) {
      const { instances } = await this.connection.ask(
        `{ instances(filter: {}, orderBy: { name: "id", ascending: true }, pagination: { limit: ${INSTANCES_AT_ONCE}, offset: ${offset} }) {
           pageInfo { count } data { computeId terminationDate owner { fullName } } } }`,
      );
      const { pageInfo, data = [] } = (instances ?? {}) as InstancePage;
      for (const { computeId, terminationDate, owner } of data ?? []) {
        // One that Nova has not made yet has no server.
        if (!computeId) continue;
        const ends = terminationDate ? isoDate(terminationDate) : null;
        found.set(computeId, { computeId, ends, ...(owner?.fullName && { owner: owner.fullName }) });
      }
      if (!data?.length || offset + INSTANCES_AT_ONCE >= (pageInfo?.count ?? 0)) return [...found.values()];
    }
  }

  /** Does one change. */
  async change(mutation: Mutation): Promise<void> {
    const { name, ...variables } = mutation;
    await this.connection.ask(MUTATIONS[name], variables);
  }

  /** What this VISA's version has of an image. One type a request: VISA refuses two. */
  private async readSchema() {
    if (this.schema) return this.schema;
    const input = await this.connection.ask('{ __type(name: "ImageInput") { inputFields { name } } }');
    const image = await this.connection.ask(
      '{ __type(name: "Image") { fields { name type { kind ofType { kind } } args { name } } } }',
    );
    const inputFields = (input.__type as { inputFields: { name: string }[] }).inputFields.map(({ name }) => name);
    const fields = (image.__type as { fields: { name: string; type: TypeReference }[] }).fields;
    const simple = ({ kind, ofType }: TypeReference) => ["SCALAR", "ENUM"].includes(ofType?.kind ?? kind);
    const imageFields = fields.filter(({ name, type }) => name in OBJECTS || simple(type)).map(({ name }) => name);
    this.schema = { inputFields, imageFields };
    return this.schema;
  }
}

/** A date of VISA's as ISO 8601 in UTC; what cannot be read stays as it is. */
function isoDate(text: string): string {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? text : date.toISOString();
}
