/**
 * From what a stack wants and what VISA has to the mutations that are left to do: pure, and asked anew after each one, so
 * that a run goes on wherever the one before it was stopped.
 */
import { ExitCode, VisaImageError } from "../errors";
import { describeEntry, type Entry, type Plan, readChanges, readMark } from "./entry";
import { byName, differingFields, type EntryInput, type Found, fieldWord, inputOf, wantedInput } from "./fields";
import type { Wanted } from "./wanted";

/** One change of VISA: one request. */
export type Mutation =
  | { readonly name: "createImage"; readonly input: EntryInput }
  | { readonly name: "updateImage"; readonly id: number; readonly input: EntryInput }
  | { readonly name: "deleteImage"; readonly id: number }
  | { readonly name: "createPlan"; readonly input: PlanInput }
  | { readonly name: "updatePlan"; readonly id: number; readonly input: PlanInput }
  | { readonly name: "deletePlan"; readonly id: number };

/** VISA's `PlanInput`. */
export interface PlanInput {
  readonly imageId: number;
  readonly flavourId: number;
  readonly preset: boolean;
}

/** A mutation, and what it does in a person's words. */
export interface Step {
  readonly says: string;
  /** Only the first step's is to be sent: the others may refer to an entry that is yet to be made, by the id 0. */
  readonly mutation: Mutation;
}

/** What {@link reconcile} is told besides. */
export interface ReconcileOptions {
  /** The image's id in Glance. */
  readonly imageId: string;
  /** Ids of the image's past releases in Glance, as the lock has them. @default none */
  readonly pastImageIds?: readonly string[];
  /** What changed since the release before: a line for the description of an entry that is made. @default none */
  readonly changes?: string;
}

/** The id of an entry that is yet to be made. */
const TO_BE_MADE = 0;

/**
 * What is left to do, in its order: the entry made, hidden; plans made; the entry shown; plans moved to it; the entries
 * before it hidden.
 *
 * At no time is a user without a plan of the image: VISA offers the plans of entries that are shown, so that an entry is
 * offered only once it has one, and a plan that moves has to move from a shown entry to a shown one.
 *
 * @throws VisaImageError where it cannot be told which entry is meant, or users would be left without one
 */
export function reconcile(wanted: Wanted, found: Found, options: ReconcileOptions): Step[] {
  const own = found.entries.filter((entry) => readMark(entry.description)?.key === wanted.key);
  const current = currentEntry(wanted, found, own, options);
  const others = own.filter((entry) => entry !== current);
  const shown = others.filter(({ visible }) => visible);
  const work = new Work(wanted, found, current, predecessor(shown, others, found.plans), options);

  work.entry();
  if (wanted.channel === "candidate") {
    work.candidatePlans(shown);
    if (current?.visible) work.withdraw(current, shown);
    return work.steps;
  }
  refuseUnmarked(wanted, found, options);
  const sources = sourcesOfPlans(current, shown, others, found.plans);
  work.plansMade();
  work.show();
  work.plansMoved(sources);
  for (const entry of shown) work.hide(entry);
  return work.steps;
}

/** The steps that hide entries, whatever becomes of their users. */
export function hideSteps(entries: readonly Entry[], found: Found): Step[] {
  return entries
    .filter(({ visible }) => visible)
    .map((entry) => ({ says: `hide ${describeEntry(entry)}`, mutation: visibility(entry, found, false) }));
}

/** The entry of this very image; undefined where there is none yet. */
function currentEntry(
  wanted: Wanted,
  { entries }: Found,
  own: readonly Entry[],
  { imageId }: ReconcileOptions,
): Entry | undefined {
  const [entry, ...more] = own.filter(({ computeId }) => computeId === imageId);
  if (more.length > 0) {
    throw tooMany(wanted, [entry as Entry, ...more], "delete all but one of them on VISA's admin page");
  }
  if (entry) return entry;
  const unmarked = entries.filter(
    ({ computeId, name, description }) =>
      computeId === imageId && name === wanted.fields.name && readMark(description) === undefined,
  );
  if (unmarked.length === 0) return undefined;
  throw tooMany(wanted, unmarked, adoptFix(wanted, unmarked));
}

/** An entry of a past release that nobody marked is shown to users for ever, unless somebody says what it is. */
function refuseUnmarked(wanted: Wanted, { entries }: Found, { pastImageIds = [] }: ReconcileOptions): void {
  const unmarked = entries.filter(
    ({ computeId, name, visible, description }) =>
      visible && name === wanted.fields.name && pastImageIds.includes(computeId) && readMark(description) === undefined,
  );
  if (unmarked.length > 0) throw tooMany(wanted, unmarked, adoptFix(wanted, unmarked));
}

function tooMany(wanted: Wanted, entries: readonly Entry[], fix: string): VisaImageError {
  const listed = entries.map(describeEntry).join(", ");
  const what =
    entries.length > 1
      ? `VISA has several entries that may be "${wanted.key}": ${listed}`
      : `VISA has an entry that may be "${wanted.key}", and does not say so: ${listed}`;
  return new VisaImageError(what, { fix, exitCode: ExitCode.CHANGED });
}

function adoptFix(wanted: Wanted, [entry]: readonly Entry[]): string {
  return `npx visa-image visa adopt ${wanted.key} ${entry?.id}, then deploy again; an entry with another name is left alone`;
}

/** What a new entry takes over where the stack says nothing: the newest that is shown, else the newest of all. */
function predecessor(shown: readonly Entry[], others: readonly Entry[], plans: readonly Plan[]): Entry | undefined {
  return shown.at(-1) ?? others.findLast(({ id }) => plans.some((plan) => plan.imageId === id)) ?? others.at(-1);
}

/** Entries whose plans move: those that are shown; where none is and there is no plan yet, the last that has some. */
function sourcesOfPlans(
  current: Entry | undefined,
  shown: readonly Entry[],
  others: readonly Entry[],
  plans: readonly Plan[],
): readonly Entry[] {
  if (shown.length > 0 || plans.some((plan) => plan.imageId === current?.id)) return shown;
  const last = others.findLast(({ id }) => plans.some((plan) => plan.imageId === id));
  return last ? [last] : [];
}

/** Shown or hidden, and otherwise as it is. */
function visibility(entry: Entry, found: Found, visible: boolean): Mutation {
  return { name: "updateImage", id: entry.id, input: { ...inputOf(entry, found), visible } };
}

/** The steps as they come together. */
class Work {
  readonly steps: Step[] = [];
  private readonly plans: Plan[];

  constructor(
    private readonly wanted: Wanted,
    private readonly found: Found,
    private readonly current: Entry | undefined,
    private readonly before: Entry | undefined,
    private readonly options: ReconcileOptions,
  ) {
    this.plans = found.plans.filter(({ imageId }) => imageId === current?.id);
  }

  private get id(): number {
    return this.current?.id ?? TO_BE_MADE;
  }

  private add(says: string, mutation: Mutation): void {
    this.steps.push({ says, mutation });
  }

  /** The entry itself: made hidden, or brought up to date as it is. */
  entry(): void {
    const { wanted, found, current } = this;
    const input = this.input(current?.visible ?? false);
    if (!current) {
      const { name, version } = wanted.fields;
      this.add(`make the entry "${name}"${version ? ` ${version}` : ""}, hidden`, { name: "createImage", input });
      return;
    }
    const fields = differingFields(input, inputOf(current, found));
    if (fields.length === 0) return;
    const words = fields.map(fieldWord).join(", ");
    this.add(`change ${words} of ${describeEntry(current)}`, { name: "updateImage", id: current.id, input });
  }

  show(): void {
    if (this.current?.visible) return;
    this.add(`show ${this.named()}`, { name: "updateImage", id: this.id, input: this.input(true) });
  }

  private input(visible: boolean): EntryInput {
    const { wanted, found, current, before, options } = this;
    const changes = current ? readChanges(current.description) : options.changes;
    return wantedInput(wanted, options.imageId, found, current ?? before, visible, changes);
  }

  hide(entry: Entry): void {
    this.add(`hide ${describeEntry(entry)}`, visibility(entry, this.found, false));
  }

  /** A candidate that is shown is hidden only where users have another entry. */
  withdraw(current: Entry, shown: readonly Entry[]): void {
    // One that is shown without a plan is offered to nobody: a run that was stopped leaves it so.
    if (shown.some(({ id }) => this.found.plans.some(({ imageId }) => imageId === id))) {
      this.hide(current);
      return;
    }
    throw new VisaImageError(
      `${describeEntry(current)} is in production: as a candidate it would be hidden, and users have no other`,
      { fix: 'channel: "production", or go back to the release before it (release: "…")', exitCode: ExitCode.CHANGED },
    );
  }

  /** A candidate's plans are none that users see: never a preset, which would take it from the image in production. */
  candidatePlans(shown: readonly Entry[]): void {
    if (this.wanted.plans !== "move") this.makeListed();
    if (this.wanted.plans !== "move" || this.plans.length > 0) return;
    const plans = this.found.plans.filter(({ imageId }) => shown.some(({ id }) => id === imageId));
    const plan = plans.find(({ preset }) => preset) ?? plans[0];
    if (plan) this.make(plan.flavourId, false);
  }

  /** Plans by name, made before the entry is shown. */
  plansMade(): void {
    if (this.wanted.plans !== "move") this.makeListed();
  }

  private makeListed(): void {
    for (const { flavourId, preset } of this.listed()) {
      if (this.plans.some((plan) => plan.flavourId === flavourId)) continue;
      // On an entry that users do not see yet it would take the preset from one that they do.
      this.make(flavourId, preset && this.wanted.channel === "production" && (this.current?.visible ?? false));
    }
  }

  /** Plans of the entries before, presets, and what is not on the list. */
  plansMoved(sources: readonly Entry[]): void {
    if (this.wanted.plans !== "move") {
      this.tidyListed();
      return;
    }
    const taken = new Map(this.plans.map((plan) => [plan.flavourId, plan]));
    for (const plan of this.found.plans.filter(({ imageId }) => sources.some(({ id }) => id === imageId))) {
      const same = taken.get(plan.flavourId);
      if (!same) {
        taken.set(plan.flavourId, plan);
        this.change(plan, { preset: plan.preset }, `move the plan ${this.planWords(plan)} to ${this.named()}`);
      } else if (plan.preset && !same.preset) {
        this.change(same, { preset: true }, `make ${this.planWords(same)} the preset plan`);
      }
    }
  }

  private tidyListed(): void {
    const listed = this.listed();
    const kept = new Set<Plan>();
    for (const { flavourId, preset } of listed) {
      const plan = this.plans.find((each) => each.flavourId === flavourId);
      if (plan) kept.add(plan);
      const made = plan?.preset ?? (preset && (this.current?.visible ?? false));
      if (preset === made) continue;
      const says = `make ${this.flavourName(flavourId)} ${preset ? "the preset plan" : "an ordinary plan"}`;
      this.change(plan ?? { id: 0, imageId: this.id, flavourId, preset: false }, { preset }, says);
    }
    for (const plan of this.plans) {
      if (kept.has(plan)) continue;
      this.add(`delete the plan ${this.planWords(plan)} of ${this.named()}, which is not listed`, {
        name: "deletePlan",
        id: plan.id,
      });
    }
  }

  private listed(): { readonly flavourId: number; readonly preset: boolean }[] {
    const { plans } = this.wanted;
    if (plans === "move") return [];
    return plans.map(({ flavour, preset }) => ({
      flavourId: byName("flavour", flavour, this.found.flavours).id,
      preset,
    }));
  }

  private make(flavourId: number, preset: boolean): void {
    this.add(`make a plan with ${this.flavourName(flavourId)} for ${this.named()}`, {
      name: "createPlan",
      input: { imageId: this.id, flavourId, preset },
    });
  }

  private change({ id, flavourId }: Plan, { preset }: { readonly preset: boolean }, says: string): void {
    this.add(says, { name: "updatePlan", id, input: { imageId: this.id, flavourId, preset } });
  }

  private named(): string {
    const { name } = this.wanted.fields;
    return this.current ? `entry ${this.current.id} "${name}"` : `the entry "${name}"`;
  }

  private flavourName(id: number): string {
    return `"${this.found.flavours.find((each) => each.id === id)?.name ?? id}"`;
  }

  private planWords({ id, flavourId }: Plan): string {
    return `${id} (${this.flavourName(flavourId)})`;
  }
}
