/** What `visa-image fleet` prints for a person: first whether anything has to be done. */
import type { Fleet, FleetCloud, FleetRelease, FleetServer } from "./fleet";

/** Servers that are named of a release, unless all are asked for. */
const MOST_SERVERS = 10;

/** The fleet as text. @param all also each server, and releases that have none */
export function fleetText(fleet: Fleet, { all = false, now = Date.now() } = {}): string {
  const blocks = fleet.images.flatMap(({ image, releases }) => {
    const shown = releases.filter((each) => all || each.servers.length > 0 || needsAttention(each)).reverse();
    return shown.length > 0 ? [[image, ...shown.flatMap((each) => releaseText(each, { all, now }))]] : [];
  });
  const idle = fleet.images.length - blocks.length;
  const others = [
    ...(idle > 0 ? [`${count(idle, "image")} without servers (--all shows them)`] : []),
    ...(fleet.fromVolume.length > 0
      ? [
          `not assigned: ${count(fleet.fromVolume.length, "server")} started from a volume: Nova does not say what is on it`,
        ]
      : []),
    ...(fleet.otherImages > 0 ? [`${count(fleet.otherImages, "server")} on other images`] : []),
    ...fleet.clouds.flatMap(scopeText),
    ...(fleet.visa && !fleet.visa.asked ? [`end dates are not known: ${fleet.visa.reason}`] : []),
  ];
  return `${[[fleetHeadline(fleet)], ...blocks, others]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** Whether anything has to be done, on one line. */
export function fleetHeadline({ images, clouds }: Pick<Fleet, "images" | "clouds">): string {
  const releases = images.flatMap((image) => image.releases);
  const servers = (some: readonly FleetRelease[]) => some.reduce((sum, each) => sum + each.servers.length, 0);
  const unknown = clouds.filter((cloud) => cloud.servers === "unknown");
  const revoked = releases.filter(({ state }) => state === "revoked");
  const used = revoked.filter((each) => each.servers.length > 0);
  const shown = revoked.filter((each) => each.shown).length;
  const retired = releases.filter(({ state }) => state === "retired");
  const left = unknown.length > 0 ? [] : retired.filter((each) => each.servers.length === 0);
  const parts = [
    ...(used.length > 0
      ? [
          `${count(servers(used), "server")} ${servers(used) === 1 ? "runs" : "run"} on ${count(used.length, "revoked release")}`,
        ]
      : []),
    ...(shown > 0 ? [`Glance shows ${count(shown, "revoked release")} again: visa-image revoke`] : []),
    ...(left.length > 0 ? [`no server runs on ${count(left.length, "retired release")}: visa-image prune`] : []),
    ...unknown.map((cloud) => `which servers run ${where(cloud)}is not known: ${cloud.reason}`),
  ];
  if (parts.length > 0) return parts.join("; ");
  const busy = releases.filter((each) => each.servers.length > 0);
  if (busy.length === 0) return "nothing to do: no server runs on a release";
  return `nothing to do: ${count(servers(busy), "server")} on ${count(busy.length, "release")}`;
}

function needsAttention({ state }: FleetRelease): boolean {
  return state === "revoked" || state === "retired";
}

function releaseText(release: FleetRelease, { all, now }: { readonly all: boolean; readonly now: number }): string[] {
  const { release: digits, state, why, registered, servers, shown } = release;
  const facts = [
    `registered ${registered.slice(0, 10)}, ${age(registered, now)}`,
    servers.length === 0 ? "no server" : count(servers.length, "server"),
    ...(shown === undefined ? ["its image is none of the project's in Glance"] : []),
  ];
  const listed = all ? servers : servers.slice(0, MOST_SERVERS);
  const more = servers.length - listed.length;
  return [
    `  ${digits}  ${[state, why].filter(Boolean).join(" ")}: ${facts.join(", ")}`,
    ...listed.map((server) => `    ${serverText(server, now)}`),
    ...(more > 0 ? [`    and ${more} more (--all shows them)`] : []),
  ];
}

function serverText({ id, name, status, created, ends, owner, fromSnapshot }: FleetServer, now: number): string {
  return [
    `${name} ${id}  ${status}`,
    age(created, now),
    ...(fromSnapshot ? ["from a snapshot"] : []),
    ...(ends === undefined
      ? []
      : [ends === null ? "without an end" : `until ${ends.slice(0, 16).replace("T", " ")} UTC`]),
    ...(owner ? [owner] : []),
  ].join(", ");
}

function scopeText(cloud: FleetCloud): string[] {
  if (cloud.servers !== "own project") return [];
  return [
    `servers of the own project alone${where(cloud) && ` ${where(cloud).trim()}`}: Nova shows those of others to an administrator`,
  ];
}

function where({ cloud, region }: FleetCloud): string {
  return [cloud && `in the cloud "${cloud}" `, region && `in the region "${region}" `].filter(Boolean).join("");
}

/** How long ago something was. */
function age(date: string, now: number): string {
  const hours = Math.floor((now - Date.parse(date)) / 3_600_000);
  if (Number.isNaN(hours)) return "of unknown age";
  return hours < 48 ? `${Math.max(hours, 0)} h old` : `${Math.floor(hours / 24)} days old`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
