/** A plan as a person has to judge it: made from the plan's JSON alone. What only this machine knows is in known-here.ts. */
import { short } from "../fingerprint/digest";
import {
  type LayerReview,
  type Loss,
  type OtherChange,
  type PlanReview,
  REVIEW_VERSION,
  type VisaReview,
} from "./model";
import type { Plan, ResourceChange } from "./plan";
import { reviewReleases } from "./releases";
import { type Role, releaseName, roleOf } from "./roles";
import { changedAttributes, differences, shown } from "./values";

/** Makes a review of a plan. @param allowed addresses of what may be destroyed or replaced */
export function reviewPlan(plan: Plan, allowed: ReadonlySet<string> = new Set()): PlanReview {
  const roles = new Map<ResourceChange, Role>(plan.changes.map((change) => [change, roleOf(change)]));
  const having = (...wanted: Role[]) => plan.changes.filter((change) => wanted.includes(roles.get(change) as Role));
  const layers = reviewLayers(having("layer"));
  const images = reviewReleases(plan, {
    layers,
    images: having("image"),
    registrations: having("registered"),
    inUse: having("in-use"),
    gates: having("verified"),
    builds: having("layer"),
  });
  const releases = new Map(having("image").map(({ before, name }) => [String(before.id), name]));
  const newImage = having("instance-image").some(({ fate }) => fate === "replaced");
  const unknownToLock = unknownToTheLock(having("registered"), having("in-use"));
  const losses = plan.changes.flatMap(
    (change) => lossOf(change, roles.get(change) as Role, { releases, unknownToLock, allowed, newImage }) ?? [],
  );
  const visa = having("visa").flatMap((change) => visaOf(change) ?? []);
  const others = plan.changes.flatMap((change) => otherOf(change, roles.get(change) as Role) ?? []);
  const { outputs, partial, terraformVersion } = plan;
  const said = [losses, images, layers, visa, others].some((list) => list.length > 0);
  const moving = said || plan.changes.some(({ fate }) => fate !== "none");
  const judge = losses.length > 0 || images.some(({ unprotected }) => unprotected.length > 0);
  return {
    version: REVIEW_VERSION,
    verdict: judge ? "judge" : moving || outputs.length > 0 || partial ? "routine" : "nothing",
    ...{ terraformVersion, losses, images, layers, visa, others, outputs, partial },
  };
}

/**
 * Addresses of images, less their type, that go because the lock lacks their release: the image itself stays in the code.
 * Most often somebody else has deployed since, and this checkout does not have the lock of that deploy.
 */
function unknownToTheLock(registrations: readonly ResourceChange[], inUse: readonly ResourceChange[]): Set<string> {
  const staying = inUse.filter(({ fate }) => fate !== "destroyed").map(({ prefix, name }) => prefix + name);
  const going = registrations.filter(({ fate, prefix, name }) => {
    const image = releaseName(name)?.image;
    return fate === "destroyed" && staying.includes(`${prefix}${image}_in_use`);
  });
  return new Set(going.map(({ prefix, name }) => prefix + name.replace(/_registered$/, "")));
}

/** Those of its losses that nobody named. */
export function unnamedLosses({ losses }: PlanReview): readonly Loss[] {
  return losses.filter(({ allowed }) => !allowed);
}

const REASONS: Readonly<Record<string, string>> = {
  replace_because_tainted: "it was not made to its end the last time (tainted)",
  replace_by_request: "asked for by -replace",
  replace_by_triggers: "something that it follows is replaced (replace_triggered_by)",
  delete_because_no_resource_config: "the code has it no more",
  delete_because_no_module: "the code has its module no more",
  delete_because_wrong_repetition: "count or for_each names it no more",
  delete_because_count_index: "count names it no more",
  delete_because_each_key: "for_each names it no more",
  delete_because_no_move_target: "the code has it no more",
};

const LOCK_LACKS_IT =
  "the lock does not have this release, which Terraform has: take the lock that the last deploy wrote (git pull), or run 'npx visa-image lock sync', and plan again";

/** As in a plan by `-destroy`. */
const NO_REASON = "the plan gives no reason: it is told to destroy";

/** Not the whole story of a resource of ours: replaced, it does its work again, and nothing is lost. */
const HARMLESS: readonly Role[] = [
  ...(["layer", "verified", "accepted", "download", "registered", "in-use"] as const),
  ...(["protection-notice", "visa", "visa-again", "instance-image"] as const),
];

function lossOf(
  change: ResourceChange,
  role: Role,
  {
    releases,
    unknownToLock,
    allowed,
    newImage,
  }: {
    releases: ReadonlyMap<string, string>;
    unknownToLock: ReadonlySet<string>;
    allowed: ReadonlySet<string>;
    newImage: boolean;
  },
): Loss | undefined {
  const rebuilt = role === "instance" && change.fate === "updated" && changedAttributes(change).includes("image_id");
  if (!rebuilt && change.fate !== "destroyed" && change.fate !== "replaced") return undefined;
  if (HARMLESS.includes(role)) return undefined;
  const what = role === "instance" || role === "image" ? role : role === "visa-guard" ? "VISA entry" : "resource";
  const fate = rebuilt ? "rebuilt" : what === "VISA entry" ? "hidden" : (change.fate as "destroyed" | "replaced");
  const { forcedBy, reason = "" } = change;
  const forced = forcedBy.length > 0 ? `${forcedBy.join(", ")} cannot be changed in place` : undefined;
  const follows = what === "instance" && reason === "replace_by_triggers" && newImage;
  const unlocked = what === "image" && unknownToLock.has(change.prefix + change.name);
  const image = what === "instance" ? releases.get(String(change.before.image_id)) : undefined;
  const why = [
    rebuilt || follows ? "its image changes" : unlocked ? LOCK_LACKS_IT : (forced ?? REASONS[reason] ?? NO_REASON),
    ...(image ? [`it runs on ${image}`] : []),
    ...(change.deposed ? ["it is left over from an earlier deploy"] : []),
  ].join("; ");
  const guarded = what === "VISA entry" ? change.name.replace(/_hidden_when_destroyed$/, "") : undefined;
  const name = guarded ?? shown(change, "before", "name");
  const id = what === "VISA entry" ? undefined : shown(change, "before", "id");
  const owner = what === "instance" ? shown(change, "before", "metadata", "owner") : undefined;
  const consequence = consequenceOf(what, fate, change);
  return {
    ...{ address: change.address, what, fate },
    ...(name !== undefined && { name }),
    ...(id !== undefined && { id }),
    ...(owner !== undefined && { owner }),
    ...(consequence !== undefined && { consequence }),
    ...{ why, allowed: allowed.has(change.address) },
  };
}

function consequenceOf(what: Loss["what"], fate: Loss["fate"], change: ResourceChange): string | undefined {
  if (what === "instance") {
    return fate === "rebuilt"
      ? "it keeps its address, and its disk is wiped: whoever works on it loses what is there"
      : "its disk is lost, and whoever works on it is thrown out";
  }
  if (what === "VISA entry") return "nobody is offered the image any more; instances that run stay";
  if (what !== "image") return undefined;
  return change.before.protected === true
    ? "Glance protects it: the deploy stops there (403), unless the protection is taken away first"
    : "it is deleted in Glance";
}

function reviewLayers(changes: readonly ResourceChange[]): LayerReview[] {
  const named = changes.map((change) => ({ change, name: change.name.replace(/^layer_/, "") }));
  const trigger = (change: ResourceChange, name: string) => shown(change, "after", "triggers_replace", name) ?? "";
  const built = new Map(
    named
      .filter(({ change }) => change.fate === "created" || change.fate === "replaced")
      .map(({ change, name }) => [short(trigger(change, "fingerprint")), name]),
  );
  const below = new Map(
    named.map(({ change }) => [short(trigger(change, "fingerprint")), trigger(change, "parent")] as const),
  );
  const depth = (change: ResourceChange): number => {
    const seen = new Set<string>();
    let parent = trigger(change, "parent");
    for (; below.has(parent) && !seen.has(parent); parent = below.get(parent) as string) seen.add(parent);
    return seen.size;
  };
  const sorted = named.map((each) => ({ ...each, depth: depth(each.change) })).sort((a, b) => a.depth - b.depth);
  return sorted.flatMap(({ change, name }) => {
    if (change.fate !== "created" && change.fate !== "replaced") return [];
    const fingerprint = trigger(change, "fingerprint");
    const fingerprintBefore = shown(change, "before", "triggers_replace", "fingerprint");
    const all = change.fate === "created" ? [] : differences(change, "triggers_replace");
    const changed = all.filter((each) => each.name !== "fingerprint" && each.name !== "parent");
    const standsOn = all.some((each) => each.name === "parent") ? built.get(trigger(change, "parent")) : undefined;
    const why =
      change.fate === "created"
        ? "first"
        : fingerprint !== fingerprintBefore
          ? "changed"
          : all.length === 0
            ? "retry"
            : "same disk";
    return [
      {
        ...{ address: change.address, name, fingerprint },
        ...(fingerprintBefore !== undefined && { fingerprintBefore }),
        why,
        ...(standsOn !== undefined && { standsOn }),
        changed,
      },
    ];
  });
}

function visaOf(change: ResourceChange): VisaReview | undefined {
  if (change.fate !== "created" && change.fate !== "replaced") return undefined;
  const registration = `${change.prefix}${change.name.replace(/_in_visa$/, "")}`;
  const fields = differences(change, "triggers_replace").filter(({ after }) => after !== "as it is");
  const kind = change.fate === "created" ? "new" : fields.length > 0 ? "changed" : "retry";
  return { registration, kind, fields };
}

/** What the other parts of a review do not say. */
function otherOf(change: ResourceChange, role: Role): OtherChange | undefined {
  const { address, fate, importedId, formerAddress } = change;
  const own = role !== "other" && role !== "instance";
  if (fate === "replaced" && change.reason === "replace_because_tainted" && HARMLESS.includes(role)) {
    // Layers and VISA's entries say so themselves.
    return role === "layer" || role === "visa" ? undefined : { address, fate: "done again", attributes: [] };
  }
  if (fate === "none" && formerAddress !== undefined) return { address, fate: "moved", attributes: [formerAddress] };
  // An instance is booted in the cloud, which nothing else of the review says.
  if (role === "accepted" && (fate === "created" || fate === "replaced")) {
    return { address, fate: fate === "created" ? "created" : "done again", attributes: [] };
  }
  if (own) return undefined;
  if (fate === "none") return importedId === undefined ? undefined : { address, fate: "imported", attributes: [] };
  if (fate === "created" || fate === "forgotten") return { address, fate, attributes: [] };
  if (fate !== "updated") return undefined;
  const attributes = changedAttributes(change);
  return role === "instance" && attributes.includes("image_id") ? undefined : { address, fate, attributes };
}
