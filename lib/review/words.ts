/** A review in words, once for the terminal and for Markdown: what came from outside is told apart from what is said here. */
import { duration, size } from "../runner/output/progress";
import type {
  ChangedInput,
  ImageReview,
  KnownFile,
  LayerReview,
  Loss,
  OtherChange,
  PlanReview,
  VisaReview,
} from "./model";
import { unnamedLosses } from "./review";
import type { Difference } from "./values";

/** Text of somebody else: a name, an address, a value. */
export interface Foreign {
  readonly foreign: string;
}

/** Pieces that stand side by side. */
export type Words = readonly (string | Foreign)[];

/** A thing, and what there is to say of it. */
export interface Item {
  readonly words: Words;
  readonly details: readonly Words[];
}

/** Things of one kind. */
export interface Section {
  readonly title: string;
  readonly items: readonly Item[];
}

/** A review in words. */
export interface Wording {
  /** One line that says whether anything has to be done or judged. */
  readonly headline: string;
  readonly sections: readonly Section[];
}

/** Lists are cut after so many lines, but for what is lost: a review is one screen. */
const LONGEST_LIST = 10;

const FATES = { destroyed: "DESTROYED", replaced: "REPLACED", rebuilt: "REBUILT IN PLACE", hidden: "HIDDEN" } as const;

/** The review in words. */
export function wordsOf(review: PlanReview): Wording {
  const { losses, images, layers, visa, others, outputs, partial } = review;
  const [unnamed, named] = [losses.filter(({ allowed }) => !allowed), losses.filter(({ allowed }) => allowed)];
  const built = layers.filter(({ why }) => why !== "same disk");
  const same = layers.filter(({ why }) => why === "same disk");
  const notes = [
    ...(outputs.length > 0 ? [item(say`outputs that change: ${outputs.join(", ")}`)] : []),
    ...(partial ? [item(say`a part of it is put off: plan again after this deploy`)] : []),
  ];
  const sections: Section[] = [
    { title: "Lost, and not named by --allow", items: unnamed.map(lossItem) },
    { title: "Lost, as named by --allow", items: named.map(lossItem) },
    { title: "Images", items: images.map(imageItem) },
    layersSection(built),
    { title: "Layers whose disk becomes another image", items: same.map(layerItem) },
    { title: "Sent to VISA", items: visa.map(visaItem) },
    { title: "Other changes", items: cut(others.map(otherItem), item) },
    { title: "Besides", items: notes },
  ];
  return { headline: headlineOf(review), sections: sections.filter(({ items }) => items.length > 0) };
}

function headlineOf(review: PlanReview): string {
  const { losses, images, outputs, others, visa, layers, verdict } = review;
  if (verdict === "nothing") return "Nothing to do: the plan changes nothing.";
  const built = layers.filter(({ why, cached }) => why !== "same disk" && !cached);
  const seconds = built.reduce((sum, { lastBuild }) => sum + (lastBuild?.seconds ?? 0), 0);
  const known = built.every(({ lastBuild }) => lastBuild);
  const took = seconds > 0 ? ` (last time ${duration(seconds * 1000)}${known ? "" : " for those known"})` : "";
  const uncommitted = new Set(
    layers.flatMap(({ changed }) =>
      changed.flatMap(({ files = [] }) => files.filter(isUncommitted).map(({ path }) => path)),
    ),
  ).size;
  const parts = [
    count(images.filter(({ kind }) => kind === "new").length, "new release"),
    count(images.filter(({ kind }) => kind === "back").length, "image goes back", "images go back"),
    count(images.filter(({ kind }) => kind === "again").length, "image is uploaded again", "images are uploaded again"),
    built.length > 0 ? `${count(built.length, "layer")} built${took}` : "",
    count(
      images.filter(({ kind, changed }) => kind === "same" && changed.length > 0).length,
      "image changed in place",
      "images changed in place",
    ),
    visa.length > 0 ? "VISA is told" : "",
    count(others.length, "other change"),
    count(uncommitted, "changed file is NOT COMMITTED", "changed files are NOT COMMITTED"),
  ].filter(Boolean);
  const summary =
    parts.length > 0
      ? parts.join(", ")
      : outputs.length > 0
        ? "only outputs change"
        : "only notes of a deploy are renewed";
  if (verdict === "routine") return `Nothing to judge: ${summary}; nothing is destroyed or replaced.`;
  const lost = lossWords(unnamedLosses(review));
  const unprotected = images.reduce((sum, each) => sum + each.unprotected.length, 0);
  const taken = count(
    unprotected,
    "release is no longer PROTECTED in Glance",
    "releases are no longer PROTECTED in Glance",
  );
  const judged = [lost && `${lost}, not named by --allow`, taken].filter(Boolean).join("; ");
  const rest = parts.length > 0 ? `; ${summary}` : "";
  return judged ? `TO BE JUDGED: ${judged}${rest}.` : `Named by --allow: ${lossWords(losses)}${rest}.`;
}

function lossWords(losses: readonly Loss[]): string {
  const counts = new Map<string, number>();
  for (const { what, fate } of losses) counts.set(`${what} ${fate}`, (counts.get(`${what} ${fate}`) ?? 0) + 1);
  const plural = { instance: "instances", image: "images", "VISA entry": "VISA entries", resource: "resources" };
  return [...counts]
    .map(([key, number]) => {
      const found = losses.find(({ what, fate }) => `${what} ${fate}` === key) as Loss;
      return `${count(number, `${found.what} is`, `${plural[found.what]} are`)} ${FATES[found.fate]}`;
    })
    .join(", ");
}

function lossItem({ address, what, fate, name, id, owner, consequence, why, allowed }: Loss): Item {
  const whose = owner === undefined ? [] : say` of ${owner}`;
  const named = [...(name === undefined ? [] : say` ${name}`), ...(id === undefined ? [] : say` (${id})`)];
  return item(
    [`${FATES[fate]}: ${what}`, ...named, ...whose],
    ...(consequence ? [[consequence]] : []),
    say`because: ${why}`,
    allowed ? say`${address}` : say`if that is meant: ${`--allow '${address.replaceAll("'", "'\\''")}'`}`,
  );
}

function imageItem(image: ImageReview): Item {
  const { release = "?", releaseBefore, kind, layers, upload, name } = image;
  const heads: Record<ImageReview["kind"], Words> = {
    new: releaseBefore
      ? say`: new release ${release} in the place of ${releaseBefore}`
      : say`: its first release, ${release}`,
    back: say`: goes back to release ${release}, from ${releaseBefore ?? "?"}; nothing is built, nothing uploaded`,
    again: image.gone
      ? say`: release ${release} was deleted in Glance, and is uploaded again`
      : say`: release ${release} is uploaded again`,
    same: say`: release ${release} stays in use`,
  };
  const list = (what: string, releases: readonly string[]) =>
    releases.length > 0 ? [say`${{ own: what }}: ${releases.join(", ")}`] : [];
  return item(
    [{ foreign: image.image }, ...(name === undefined ? [] : say` (${name})`), ...heads[kind]],
    ...(layers.length > 0 ? [say`because of: ${layers.map((each) => `layer ${each}`).join(", ")}`] : []),
    ...(image.verifiedAgain ? [["verified again"], ...image.verifiedAgain.map(differenceWords)] : []),
    ...(upload ? [uploadWords(upload)] : []),
    ...list("shown", image.shown),
    ...list("hidden", image.hidden),
    ...list("forgotten by Terraform, stays in Glance", image.forgotten),
    ...list("taken over by its id", image.imported),
    ...list("protected in Glance", image.protected),
    ...list("NO LONGER PROTECTED in Glance", image.unprotected),
    ...image.changed.map(differenceWords),
  );
}

function uploadWords({ format = "", bytes, bytesBefore }: NonNullable<ImageReview["upload"]>): Words {
  const much =
    bytes !== undefined
      ? `${size(bytes)} (${bytes} bytes, in the cache here)`
      : bytesBefore !== undefined
        ? `about ${size(bytesBefore)}, as the release before`
        : "how much is not known yet";
  return say`uploaded: ${{ own: much }}, ${format}`;
}

/** Layers that a deploy builds. */
export function layersSection(layers: readonly LayerReview[]): Section {
  return { title: "Layers that are built", items: layers.map(layerItem) };
}

function layerItem({ name, fingerprint, why, standsOn, changed, cached, lastBuild }: LayerReview): Item {
  const whys: Record<LayerReview["why"], Words> = {
    first: ["for the first time"],
    changed: standsOn === undefined ? [] : say`on ${standsOn}, which is built too`,
    retry: ["again: its last build failed, or was stopped"],
    "same disk": ["is not built"],
  };
  const time = cached
    ? ["in this machine's cache: nothing is left to build"]
    : lastBuild
      ? [`last time ${duration(lastBuild.seconds * 1000)}, on ${lastBuild.at.slice(0, 10)}`]
      : [];
  const more = [whys[why], time].filter((words) => words.length > 0);
  return item(
    [{ foreign: name }, " ", { foreign: fingerprint.slice(0, 12) }, ...more.flatMap((words) => [", ", ...words])],
    ...cut(changed.map(inputWords), (words) => words),
  );
}

function inputWords(input: ChangedInput): Words {
  const { name, before, after, files = [] } = input;
  const [from, to] = [before, after].map((value) => /^([0-9a-f]{12}) (0[0-7]{3})$/.exec(value ?? ""));
  if (!from && !to) return [...differenceWords(input), ...filesWords(files)];
  const how =
    before === undefined
      ? "new"
      : after === undefined
        ? "no input any more"
        : from?.[1] === to?.[1]
          ? `mode ${from?.[2]} -> ${to?.[2]}`
          : `${from?.[1]} -> ${to?.[1]}`;
  return [{ foreign: name }, " ", how, ...filesWords(files)];
}

function filesWords(files: readonly KnownFile[]): Words {
  return files.flatMap((file) => {
    const words = gitWords(file);
    return [files.length > 1 ? say`; ${file.path}` : [], words.length > 0 ? [": ", ...words] : []].flat();
  });
}

/** What Git says of a file, in words. */
function gitWords({ git, package: from }: KnownFile): Words {
  if (from !== undefined) return say`of the package ${from}`;
  if (!git) return [];
  const { state, commit, shallow } = git;
  if (state === "outside") return ["in no repository of git"];
  if (state === "untracked" || !commit) return ["NOT COMMITTED"];
  const last = say`${commit.hash} by ${commit.author}, ${commit.date}: ${commit.subject}`;
  if (state === "modified") return ["NOT COMMITTED, after ", ...last];
  return shallow ? [...last, " (or before: this clone has no older commit)"] : last;
}

function isUncommitted({ git }: KnownFile): boolean {
  return git?.state === "modified" || git?.state === "untracked";
}

function visaItem({ registration, kind, fields }: VisaReview): Item {
  const words = { new: "a new entry", changed: "the entry changes", retry: "again: the last time it failed" } as const;
  const shown =
    kind === "new" ? fields.map(({ name, after = "" }) => say`${name}: ${after}`) : fields.map(differenceWords);
  return item([{ foreign: registration }, `: ${words[kind]}`], ...shown);
}

function otherItem({ address, fate, attributes }: OtherChange): Item {
  const of = attributes.length > 0 ? say`: ${attributes.join(", ")}` : [];
  if (fate === "moved") return item(say`${address} moved from ${attributes.join("")}`);
  return item([{ foreign: address }, ` ${fate}`, ...of]);
}

function differenceWords({ name, before, after }: Difference): Words {
  if (before === undefined && after === undefined) return say`${name} changes`;
  return say`${name}: ${before ?? "(none)"} -> ${after ?? "(none)"}`;
}

function item(words: Words, ...details: readonly Words[]): Item {
  return { words, details };
}

function cut<T>(list: readonly T[], make: (words: Words) => T): T[] {
  const more = list.length - LONGEST_LIST;
  return more > 1 ? [...list.slice(0, LONGEST_LIST), make([`and ${more} more: --json has all`])] : [...list];
}

function count(number: number, one: string, many = `${one}s`): string {
  return number === 0 ? "" : `${number} ${number === 1 ? one : many}`;
}

/** Words of ours around values of others. */
function say(texts: TemplateStringsArray, ...values: readonly (string | { readonly own: string })[]): Words {
  return texts.flatMap((text, i) => {
    const value = values[i];
    const rest = value === undefined ? [] : [typeof value === "string" ? { foreign: value } : value.own];
    return text === "" ? rest : [text, ...rest];
  });
}
