/** What `visa-image stale` prints for a person: first whether anything has to be done. */
import type { NewerPackage } from "./newer-packages";
import type { StaleImage, StaleReport } from "./stale";

/** The report as text. @param all also each package that is no security fix */
export function staleText({ images, indexes }: StaleReport, all = false): string {
  const blocks = images.filter(({ state }) => state !== "current").map((image) => imageText(image, all));
  const known = indexes.map(({ suite, date }) => `${suite} of ${minute(date)}`).join(", ");
  const last = known ? [`indexes: ${known}`] : [];
  return `${[[headline(images)], ...blocks, last]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** Whether anything has to be done, on one line. */
export function headline(images: readonly StaleImage[]): string {
  if (images.length === 0) return "no image is in use: nothing to do";
  const stale = images.filter(({ state }) => state === "stale");
  const unsafe = stale.filter(({ newer }) => newer.some(({ security }) => security));
  const unknown = images.filter(({ state }) => state === "unknown").length;
  const parts = [
    ...(unsafe.length > 0 ? [`${count(unsafe.length, "image")} of ${images.length} without security fixes`] : []),
    ...(stale.length > unsafe.length
      ? [`${count(stale.length - unsafe.length, "image")} of ${images.length} with older packages`]
      : []),
    ...(unknown > 0 ? [`nothing is known of ${count(unknown, "image")}`] : []),
  ];
  if (parts.length > 0) return parts.join("; ");
  return images.length === 1 ? "the image is up to date" : `all ${images.length} images are up to date`;
}

function imageText(image: StaleImage, all: boolean): string[] {
  const { newer, reason, release, registered, template } = image;
  const about = [
    ...(template ? [template] : []),
    ...(release ? [`release ${release}`] : []),
    ...(registered ? [`registered ${registered.slice(0, 10)}`] : []),
  ];
  const title = `${image.image}${about.length > 0 ? ` (${about.join(", ")})` : ""}`;
  if (reason) return [title, `  not known: ${reason}`];
  const sources = bySource(newer);
  const shown = all ? sources : sources.filter(([first]) => first?.security);
  const others = newer.filter(({ security }) => !security).length;
  return [
    title,
    ...rebuiltText(image),
    ...serversText(image, all),
    ...shown.map(sourceText),
    ...(others > 0 && !all
      ? [`  and ${count(others, "package")} newer without a security fix (--all shows them)`]
      : []),
    ...(image.notJudged > 0 ? [`  not judged: ${count(image.notJudged, "component")} of no Debian package`] : []),
    ...(image.notInIndexes.length > 0
      ? [`  not judged: ${count(image.notInIndexes.length, "package")} in no index: ${some(image.notInIndexes)}`]
      : []),
  ];
}

function rebuiltText({ rebuilt, base }: StaleImage): string[] {
  const [first, ...above] = rebuilt;
  if (!first) return [];
  const on = above.length > 0 ? `, and on it ${above.join(", ")}` : "";
  return [`  to build anew: ${first}${on}${base ? `; the first layer stands on: ${base}` : ""}`];
}

function serversText({ servers }: StaleImage, all: boolean): string[] {
  if (servers === undefined) return [];
  if (typeof servers === "string") return [`  servers: not known: ${servers}`];
  const named = servers.map(({ id, name }) => `${name} (${id})`);
  return [`  servers: ${named.length > 0 ? some(named, all ? named.length : 4) : "none"}`];
}

function sourceText(packages: readonly NewerPackage[]): string {
  const [{ source, installed, available, security, seen, exact, layer }] = packages as [NewerPackage];
  const names = packages.map(({ name }) => name);
  const what = names.length === 1 && names[0] === source ? "" : ` (${some(names)})`;
  const since = exact ? `since ${seen.slice(0, 10)}` : `since ${seen.slice(0, 10)} or before`;
  const words = [...(security ? ["security"] : []), ...(layer ? [`in ${layer}`] : []), since];
  return `  ${source}${what} ${installed} → ${available}: ${words.join(", ")}`;
}

/** Binary packages of one source and version are one thing to a person. */
export function bySource(newer: readonly NewerPackage[]): NewerPackage[][] {
  const groups = new Map<string, NewerPackage[]>();
  for (const each of newer) {
    const key = JSON.stringify([each.security, each.source, each.installed, each.available, each.layer]);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return [...groups.values()];
}

/** The first ones of many. */
function some(names: readonly string[], most = 4): string {
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join(", ")} and ${more} more` : names.join(", ");
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function minute(date: string): string {
  return `${date.slice(0, 16).replace("T", " ")} UTC`;
}
