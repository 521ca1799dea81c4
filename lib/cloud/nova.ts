import type { Answer } from "./http";
import { type Session, serviceEndpoint } from "./keystone";

/** What Nova says about an image. */
export type ServerCheck =
  | { readonly kind: "asked"; readonly servers: readonly string[] }
  /** It cannot be asked, or does not see all servers. */
  | { readonly kind: "unknown"; readonly reason: string };

/** A server, as Nova lists it. */
export interface NovaServer {
  readonly id: string;
  readonly name: string;
  /** Nova's word: ACTIVE, SHUTOFF, ERROR, … */
  readonly status: string;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** The project that it belongs to. */
  readonly projectId: string;
  /** The image that it was made from. @default - Nova does not say it: the server started from a volume */
  readonly imageId?: string;
}

/** All servers that the user may see. */
export type ServerList =
  | {
      readonly kind: "asked";
      readonly servers: readonly NovaServer[];
      /** Whether those of all projects are among them, or those of the own one alone. */
      readonly allProjects: boolean;
    }
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Ids of the servers that were made from an image: of all projects where the user may see them, else of its own, which is
 * enough for an image that no other project sees.
 */
export async function serversOf(
  session: Session,
  image: { readonly id: string; readonly seenByOthers: boolean },
): Promise<ServerCheck> {
  return asking(session, async (ask) => {
    const query = { image: image.id, limit: "10" };
    let answer = await ask("servers", { ...query, all_tenants: "1" });
    if (answer.status === 403 && image.seenByOthers) {
      const reason = "other projects may use the image, and only an administrator sees their servers";
      return { kind: "unknown", reason };
    }
    if (answer.status === 403) answer = await ask("servers", query);
    if (answer.status !== 200) return answered(answer);
    const { servers } = JSON.parse(answer.body) as Page;
    return { kind: "asked", servers: servers.map(({ id }) => id) };
  });
}

/** The servers of all projects where the user may see them, else of its own: page by page, however many there are. */
export async function listServers(session: Session): Promise<ServerList> {
  return asking(session, async (ask) => {
    const all = await listPages(ask, { all_tenants: "1" });
    const listing = all.status === 403 ? await listPages(ask, {}) : all;
    if (listing.status !== 200) return answered(listing);
    return { kind: "asked", servers: listing.servers, allProjects: listing === all };
  });
}

type Ask = (path: string, query: Readonly<Record<string, string>>) => Promise<Answer>;
interface Unknown {
  readonly kind: "unknown";
  readonly reason: string;
}

async function asking<T>(session: Session, act: (ask: Ask) => Promise<T | Unknown>): Promise<T | Unknown> {
  const endpoint = serviceEndpoint(session, "compute");
  if (!endpoint) return { kind: "unknown", reason: "Keystone's catalog has no compute service" };
  const headers = { "x-auth-token": session.token };
  try {
    return await act((path, query) =>
      session.http.send({ method: "GET", url: `${endpoint}/${path}?${new URLSearchParams(query)}`, headers }),
    );
  } catch (error) {
    return { kind: "unknown", reason: (error as Error).message.split("\n")[0] ?? "" };
  }
}

function answered({ status }: { readonly status: number }): Unknown {
  return { kind: "unknown", reason: `Nova answered ${status}` };
}

interface Page {
  readonly servers: readonly Listed[];
  readonly servers_links?: readonly { readonly rel?: string }[];
}

interface Listed {
  readonly id: string;
  readonly name?: string;
  readonly status?: string;
  readonly created?: string;
  readonly tenant_id?: string;
  /** An empty text where the server started from a volume. */
  readonly image?: { readonly id?: string } | string | null;
}

/** Servers of one answer: Nova gives at most 1000, or what its `max_limit` says. */
const PAGE = "500";

/** How often a list is begun anew, since the server that its next page follows on was deleted meanwhile. */
const MOST_BEGINNINGS = 3;

/** @returns the status of the answer that was no list, or 200 */
async function listPages(
  ask: Ask,
  query: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly servers: readonly NovaServer[] }> {
  let found = new Map<string, NovaServer>();
  let marker: string | undefined;
  for (let beginnings = 1; ; ) {
    const answer = await ask("servers/detail", { ...query, limit: PAGE, ...(marker && { marker }) });
    if (answer.status === 400 && marker && beginnings < MOST_BEGINNINGS) {
      beginnings += 1;
      found = new Map();
      marker = undefined;
      continue;
    }
    if (answer.status !== 200) return { status: answer.status, servers: [] };
    const { servers, servers_links: links = [] } = JSON.parse(answer.body) as Page;
    const before = found.size;
    for (const each of servers) found.set(each.id, serverOf(each));
    // The link's own address may be one that is not reached from here.
    const more = links.some(({ rel }) => rel === "next") && found.size > before;
    if (!more) return { status: 200, servers: [...found.values()] };
    marker = servers.at(-1)?.id;
  }
}

function serverOf({ id, name = "", status = "", created = "", tenant_id: projectId = "", image }: Listed): NovaServer {
  const imageId = typeof image === "object" ? image?.id : undefined;
  return { id, name, status, created, projectId, ...(imageId && { imageId }) };
}
