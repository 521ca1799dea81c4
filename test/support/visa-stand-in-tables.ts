// This is not VISA: it answers as VISA's API server 3.8.2 was seen to answer, oddities and all, and does nothing else.
/** What the stand-in has in its tables, and what a field of GraphQL reads or does there. */
import { buildSchema, GraphQLError } from "graphql";

export const SCHEMA = buildSchema(`
  enum AutoAcceptExtensionRequest { ALL STAFF NONE }
  type ImageProtocol { id: Int! name: String! port: Int! }
  type CloudClient { id: Int! name: String! type: String! serverNamePrefix: String! visible: Boolean! openStackProviderConfiguration: OpenStackProviderConfiguration }
  type OpenStackProviderConfiguration { applicationSecret: String }
  type Flavour { id: Int! name: String! memory: Int! cpu: Float! computeId: String! cloudId: Int }
  type Image {
    id: Int! name: String! version: String description: String icon: String computeId: String! visible: Boolean!
    protocols: [ImageProtocol] defaultVdiProtocol: ImageProtocol secondaryVdiProtocol: ImageProtocol
    bootCommand: String autologin: String cloudId: Int autoAcceptExtensionRequest: AutoAcceptExtensionRequest
    cloudClient: CloudClient
  }
  type Plan { id: Int! image: Image! flavour: Flavour! preset: Boolean! }
  type User { id: String! fullName: String }
  type Instance {
    id: Int! uid: String! name: String! state: String! plan: Plan createdAt: String! terminationDate: String
    cloudId: Int computeId: String owner: User
  }
  type PageInfo { count: Int! offset: Int! limit: Int! currentPage: Int! totalPages: Int! hasNextPage: Boolean! }
  type Connection_Instance { pageInfo: PageInfo! data: [Instance]! }
  input InstanceFilterInput { ids: [Int] nameLike: String imageId: Int ownerId: String }
  input OrderByInput { name: String ascending: Boolean }
  input PaginationInput { limit: Int offset: Int! }
  type NumberInstancesByImage { id: Int! name: String! version: String total: Int! }
  input ImageInput {
    name: String! version: String description: String icon: String cloudId: Int computeId: String! visible: Boolean!
    protocolIds: [Int] bootCommand: String autologin: String defaultVdiProtocolId: Int! secondaryVdiProtocolId: Int
    autoAcceptExtensionRequest: AutoAcceptExtensionRequest
  }
  input PlanInput { imageId: Int! flavourId: Int! preset: Boolean! }
  type Query {
    images: [Image]! plans: [Plan]! flavours: [Flavour]! imageProtocols: [ImageProtocol] cloudClients: [CloudClient]!
    countInstancesByImages: [NumberInstancesByImage]!
    instances(filter: InstanceFilterInput, orderBy: OrderByInput, pagination: PaginationInput!): Connection_Instance!
  }
  type Mutation {
    createImage(input: ImageInput!): Image!
    updateImage(id: Int!, input: ImageInput!): Image!
    deleteImage(id: Int!): Image!
    createPlan(input: PlanInput!): Plan!
    updatePlan(id: Int!, input: PlanInput!): Plan!
    deletePlan(id: Int!): Plan!
  }
`);

/** What VISA's table of images holds. */
export interface StandInEntry {
  readonly id: number;
  name: string;
  version: string | null;
  description: string | null;
  icon: string;
  computeId: string;
  visible: boolean;
  protocolIds: number[];
  defaultVdiProtocolId: number;
  secondaryVdiProtocolId: number | null;
  bootCommand: string | null;
  autologin: string | null;
  cloudId: number | null;
  autoAcceptExtensionRequest: string | null;
  deleted?: boolean;
}

/** A row of its plans. */
export interface StandInPlan {
  readonly id: number;
  imageId: number;
  flavourId: number;
  preset: boolean;
  deleted?: boolean;
}

/** A row of its instances. */
export interface StandInInstance {
  readonly id: number;
  name: string;
  computeId: string | null;
  terminationDate: string | null;
  owner: { readonly id: string; readonly fullName: string | null } | null;
}

type Input = Omit<StandInEntry, "id" | "deleted">;

export const SYSTEM_ERROR = "System error";

/** Images, plans, flavours, protocols and cloud clients. */
export class StandInTables {
  readonly images: StandInEntry[] = [];
  readonly plans: StandInPlan[] = [];
  /** Ids differ from one VISA to the next. */
  protocols = [
    { id: 11, name: "RDP", port: 3389 },
    { id: 12, name: "GUACD", port: 4822 },
    { id: 13, name: "JUPYTER", port: 8888 },
    { id: 14, name: "WEBX", port: 5555 },
    { id: 15, name: "VISA_FS", port: 8090 },
    { id: 16, name: "VISA_PRINT", port: 8091 },
  ];
  flavours = [
    { id: 21, name: "Small", memory: 4096, cpu: 2, computeId: "f1", cloudId: null },
    { id: 22, name: "Large", memory: 16384, cpu: 8, computeId: "f2", cloudId: null },
  ];
  cloudClients = [{ id: -1, name: "Default", type: "openstack", serverNamePrefix: "VISA-INSTANCE", visible: true }];
  /** How many instances there are, by image. */
  readonly instances = new Map<number, number>();
  /** The instances themselves. */
  readonly instanceList: StandInInstance[] = [];
  /** Whether VISA's cloud has an image of that id; false for all while Glance or Keystone is away. */
  knowsImage: (id: string) => boolean = () => true;
  /** The mutations that were done, and what an ordinary user was offered after each. */
  readonly mutations: { readonly name: string; readonly args: Record<string, unknown>; readonly offered: number }[] =
    [];
  /** Called when a mutation has been done, before its answer. */
  onMutation: (name: string, count: number) => void = () => {};
  private ids = 0;

  /** An entry as somebody makes it on VISA's page. */
  addEntry(values: Partial<Input> = {}): StandInEntry {
    const entry: StandInEntry = {
      id: this.nextId(),
      name: "by hand",
      version: "1",
      description: "",
      icon: "data-analysis-1.jpg",
      computeId: "0f0e0d0c-0000-4000-8000-000000000000",
      visible: true,
      protocolIds: [12, 11],
      defaultVdiProtocolId: 12,
      secondaryVdiProtocolId: 11,
      bootCommand: "",
      autologin: "VISA_PAM",
      cloudId: null,
      autoAcceptExtensionRequest: null,
      ...values,
    };
    this.images.push(entry);
    return entry;
  }

  /** An instance that somebody has. */
  addInstance(computeId: string | null, values: Partial<StandInInstance> = {}): void {
    const owner = { id: "u", fullName: "Ada Lovelace" };
    const own = { id: this.nextId(), name: "my desktop", terminationDate: null, owner };
    this.instanceList.push({ ...own, ...values, computeId });
  }

  addPlan(imageId: number, flavourId = 21, preset = false): StandInPlan {
    const plan = { id: this.nextId(), imageId, flavourId, preset };
    this.plans.push(plan);
    return plan;
  }

  /** What VISA offers a user who is no administrator: plans of shown images. */
  offered(): StandInPlan[] {
    return this.plans.filter((plan) => !plan.deleted && this.entry(plan.imageId)?.visible);
  }

  private nextId(): number {
    this.ids += 1;
    return this.ids;
  }

  private entry(id: number): StandInEntry | undefined {
    return this.images.find((each) => each.id === id && !each.deleted);
  }

  // biome-ignore lint/suspicious/noExplicitAny: arguments of GraphQL
  protected resolvers(): Record<string, (args: any) => unknown> {
    const mutation =
      // biome-ignore lint/suspicious/noExplicitAny: arguments of GraphQL
      (name: string, act: (args: any) => unknown) => (args: any) => {
        const result = act(args);
        this.mutations.push({ name, args: JSON.parse(JSON.stringify(args)), offered: this.offered().length });
        this.onMutation(name, this.mutations.length);
        return result;
      };
    return {
      images: () => this.images.filter(({ deleted }) => !deleted).map((each) => this.shown(each)),
      plans: () =>
        this.plans.filter((each) => !each.deleted && this.entry(each.imageId)).map((each) => this.shownPlan(each)),
      flavours: () => this.flavours,
      imageProtocols: () => this.protocols,
      cloudClients: () => this.cloudClients,
      countInstancesByImages: () =>
        [...this.instances].map(([id, total]) => {
          const { name = "", version } = this.images.find((each) => each.id === id) ?? {};
          return { id, name, version, total };
        }),
      instances: ({ filter, orderBy, pagination: { limit = 2 ** 31 - 1, offset } }) => {
        // Source: of 50 it says 200, and without a filter its count fails on null.
        if (limit < 0 || limit > 50) throw new GraphQLError("Limit must be between 0 and 200");
        if (!filter) throw new GraphQLError(SYSTEM_ERROR);
        const key = orderBy?.name === "id" ? ("id" as const) : ("name" as const);
        const sorted = [...this.instanceList].sort((a, b) => (a[key] < b[key] ? -1 : 1));
        const count = sorted.length;
        const pages = { count, offset, limit, currentPage: offset / limit + 1, totalPages: Math.ceil(count / limit) };
        return {
          pageInfo: { ...pages, hasNextPage: pages.currentPage < pages.totalPages },
          data: sorted
            .slice(offset, offset + limit)
            .map((each) => ({ uid: "u", state: "ACTIVE", createdAt: "", ...each })),
        };
      },
      createImage: mutation("createImage", ({ input }) => {
        const values = this.imageValues(input, "createImage");
        const entry = { ...values, id: this.nextId() };
        this.images.push(entry);
        return this.shown(entry);
      }),
      updateImage: mutation("updateImage", ({ id, input }) => {
        const values = this.imageValues(input, "updateImage");
        const entry = this.entry(id);
        if (!entry) throw new GraphQLError("Image was not found for the given id");
        Object.assign(entry, values);
        return this.shown(entry);
      }),
      deleteImage: mutation("deleteImage", ({ id }) => {
        const entry = this.entry(id);
        if (!entry) throw new GraphQLError("Image not found for the given id");
        entry.deleted = true;
        return this.shown(entry);
      }),
      createPlan: mutation("createPlan", ({ input }) => {
        this.checkPlan(input);
        const plan = { ...input, id: this.nextId() };
        this.plans.push(plan);
        return this.shownPlan(plan);
      }),
      updatePlan: mutation("updatePlan", ({ id, input }) => {
        const plan = this.plans.find((each) => each.id === id && !each.deleted && this.entry(each.imageId));
        this.checkPlan(input, plan);
        if (!plan) throw new GraphQLError("Plan not found for the given id");
        Object.assign(plan, input);
        return this.shownPlan(plan);
      }),
      deletePlan: mutation("deletePlan", ({ id }) => {
        const plan = this.plans.find((each) => each.id === id && !each.deleted && this.entry(each.imageId));
        if (!plan) throw new GraphQLError("Plan not found for the given id");
        const shown = this.shownPlan(plan);
        plan.deleted = true;
        return shown;
      }),
    };
  }

  private imageValues(input: Partial<Input>, path: string): Input {
    const sizes: [keyof Input, number, number][] = [
      ["name", 1, 250],
      ["version", 0, 100],
      ["description", 0, 2500],
      ["bootCommand", 0, 16_000],
    ];
    const violations = sizes.flatMap(([name, least, most]) => {
      const value = input[name];
      if (typeof value !== "string" || (value.length >= least && value.length <= most)) return [];
      const message = `size must be between ${least} and ${most}`;
      return [{ propertyPath: `${path}.input.${name}`, message, invalidValue: value, beanClass: "ImageInput" }];
    });
    if (violations.length > 0) {
      const all = violations.map(({ propertyPath, message }) => `${propertyPath} ${message}`).join(", ");
      throw new GraphQLError(`validation failed: ${all}`, { extensions: { violations } });
    }
    if (input.cloudId && input.cloudId > 0 && !this.cloudClients.some(({ id }) => id === input.cloudId)) {
      throw new GraphQLError("Invalid cloud Id");
    }
    if (!this.knowsImage(input.computeId ?? "")) throw new GraphQLError("Invalid Cloud Image Id");
    if (!this.protocols.some(({ id }) => id === input.defaultVdiProtocolId)) {
      throw new GraphQLError("Invalid Default VDI Protocol Id");
    }
    // NULL in the database, or too long for its column.
    if (input.icon == null || input.icon.length > 100 || !input.protocolIds) throw new GraphQLError(SYSTEM_ERROR);
    if ((input.autologin?.length ?? 0) > 255) throw new GraphQLError(SYSTEM_ERROR);
    if (input.protocolIds.some((id) => !this.protocols.some((each) => each.id === id))) {
      throw new GraphQLError("Protocol not found for the given id");
    }
    const secondary = this.protocols.find(({ id }) => id === input.secondaryVdiProtocolId);
    return {
      name: input.name ?? "",
      version: input.version ?? null,
      description: input.description ?? null,
      icon: input.icon,
      computeId: input.computeId ?? "",
      visible: input.visible ?? false,
      protocolIds: [...input.protocolIds],
      defaultVdiProtocolId: input.defaultVdiProtocolId ?? 0,
      secondaryVdiProtocolId: secondary?.id ?? null,
      bootCommand: input.bootCommand ?? null,
      autologin: input.autologin ?? null,
      cloudId: input.cloudId && input.cloudId > 0 ? input.cloudId : null,
      autoAcceptExtensionRequest: input.autoAcceptExtensionRequest ?? null,
    };
  }

  private checkPlan(input: Omit<StandInPlan, "id">, plan?: StandInPlan): void {
    if (!this.flavours.some(({ id }) => id === input.flavourId)) {
      throw new GraphQLError("Flavour not found for the given id");
    }
    if (!this.entry(input.imageId)) throw new GraphQLError("Image not found for the given id");
    if (input.preset) for (const each of this.plans) if (each !== plan) each.preset = false;
  }

  private shown(entry: StandInEntry) {
    const protocol = (id: number | null) => this.protocols.find((each) => each.id === id) ?? null;
    return {
      ...entry,
      protocols: entry.protocolIds.map(protocol),
      defaultVdiProtocol: protocol(entry.defaultVdiProtocolId),
      secondaryVdiProtocol: protocol(entry.secondaryVdiProtocolId),
    };
  }

  private shownPlan(plan: StandInPlan) {
    const entry = this.images.find(({ id }) => id === plan.imageId) as StandInEntry;
    return { ...plan, image: this.shown(entry), flavour: this.flavours.find(({ id }) => id === plan.flavourId) };
  }
}

/** For whoever is not ADMIN every field fails, and nothing says why. */
export const NOBODY = Object.fromEntries(
  [...rootNames("Query"), ...rootNames("Mutation")].map((name) => [
    name,
    () => {
      throw new GraphQLError(SYSTEM_ERROR);
    },
  ]),
);

function rootNames(type: string): string[] {
  const found = SCHEMA.getType(type);
  return found && "getFields" in found ? Object.keys(found.getFields()) : [];
}
