import { type Session, serviceEndpoint } from "./keystone";

/** What Nova says about an image. */
export type ServerCheck =
  | { readonly kind: "asked"; readonly servers: readonly string[] }
  /** It cannot be asked, or does not see all servers. */
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Ids of the servers that were made from an image: of all projects where the user may see them, else of its own, which is
 * enough for an image that no other project sees.
 */
export async function serversOf(
  session: Session,
  image: { readonly id: string; readonly seenByOthers: boolean },
): Promise<ServerCheck> {
  const endpoint = serviceEndpoint(session, "compute");
  if (!endpoint) return { kind: "unknown", reason: "Keystone's catalog has no compute service" };
  const ask = async (all: boolean) => {
    const query = new URLSearchParams({ image: image.id, limit: "10", ...(all && { all_tenants: "1" }) });
    const headers = { "x-auth-token": session.token };
    return session.http.send({ method: "GET", url: `${endpoint}/servers?${query}`, headers });
  };
  try {
    let answer = await ask(true);
    if (answer.status === 403 && image.seenByOthers) {
      const reason = "other projects may use the image, and only an administrator sees their servers";
      return { kind: "unknown", reason };
    }
    if (answer.status === 403) answer = await ask(false);
    if (answer.status !== 200) return { kind: "unknown", reason: `Nova answered ${answer.status}` };
    const { servers } = JSON.parse(answer.body) as { readonly servers: readonly { readonly id: string }[] };
    return { kind: "asked", servers: servers.map(({ id }) => id) };
  } catch (error) {
    return { kind: "unknown", reason: (error as Error).message.split("\n")[0] ?? "" };
  }
}
