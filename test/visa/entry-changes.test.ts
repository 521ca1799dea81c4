import fc from "fast-check";
import { type Entry, readMark, withMark } from "../../lib/visa/entry";
import { type Mutation, type ReconcileOptions, reconcile } from "../../lib/visa/entry-changes";
import type { Found } from "../../lib/visa/fields";
import type { Wanted } from "../../lib/visa/wanted";
import { after, emptyVisa, IMAGES, KEY, offered, RELEASES, wantedOf } from "./support";

/** Does the first step, and asks anew, until nothing is left. */
function run(wanted: Wanted, start: Found, options: ReconcileOptions, watch: (found: Found) => void = () => {}) {
  const mutations: Mutation[] = [];
  let found = start;
  for (;;) {
    const [step] = reconcile(wanted, found, options);
    if (!step) return { found, mutations, names: mutations.map(short) };
    mutations.push(step.mutation);
    found = after(found, step.mutation);
    watch(found);
    if (mutations.length > 30) throw new Error(`it never ends: ${mutations.map(short).join(", ")}`);
  }
}

/** A mutation in short: what it is, and whether it shows or hides. */
function short(mutation: Mutation): string {
  if (mutation.name !== "createImage" && mutation.name !== "updateImage") return mutation.name;
  return `${mutation.name} ${mutation.input.visible ? "shown" : "hidden"}`;
}

const a = { imageId: IMAGES.a };
const b = { imageId: IMAGES.b };

/** VISA after release a was registered, with a plan for each flavour. */
function withA(values: Partial<Wanted> = {}): Found {
  const { found } = run(wantedOf(values), emptyVisa(), a);
  const [entry] = found.entries;
  return {
    ...found,
    plans: [
      { id: 31, imageId: entry?.id ?? 0, flavourId: 21, preset: true },
      { id: 32, imageId: entry?.id ?? 0, flavourId: 22, preset: false },
    ],
  };
}

const released = (values: Parameters<typeof wantedOf>[0] = {}) => wantedOf({ release: RELEASES.b, ...values });

test("a first release is made hidden, then shown; a second run changes nothing", () => {
  const { found, names } = run(wantedOf(), emptyVisa(), a);
  expect(names).toEqual(["createImage hidden", "updateImage shown"]);
  expect(found.entries).toMatchObject([
    { name: "VISA desktop", computeId: IMAGES.a, visible: true, icon: "data-analysis-1.jpg", autologin: "VISA_PAM" },
  ]);
  expect(readMark(found.entries[0]?.description)).toEqual({ key: KEY, release: RELEASES.a });
  expect(reconcile(wantedOf(), found, a)).toEqual([]);
});

test("listed plans are made before the entry is shown, the preset after, so that it is taken from nobody before", () => {
  const plans = [
    { flavour: "Small", preset: false },
    { flavour: "Large", preset: true },
  ];
  const { found, names } = run(wantedOf({ plans }), emptyVisa(), a);
  expect(names).toEqual(["createImage hidden", "createPlan", "createPlan", "updateImage shown", "updatePlan"]);
  expect(found.plans).toMatchObject([{ preset: false }, { flavourId: 22, preset: true }]);
});

test("a new release: made hidden, shown, plans moved, the one before hidden and otherwise unchanged", () => {
  const before = withA();
  const { found, names } = run(released(), before, b);
  expect(names).toEqual(["createImage hidden", "updateImage shown", "updatePlan", "updatePlan", "updateImage hidden"]);
  const [old, current] = found.entries as [Entry, Entry];
  expect(old).toEqual({ ...before.entries[0], visible: false });
  expect(found.plans).toEqual(before.plans.map((plan) => ({ ...plan, imageId: current.id })));
});

test("a preset that one registration names and another moves is the former's, where it comes last; then both are done", () => {
  const other = wantedOf({
    key: "images/other",
    plans: [{ flavour: "Small", preset: true }],
    fields: { name: "other" },
  });
  const moved = run(released(), withA(), b).found;
  const { found } = run(other, moved, { imageId: "other-image" });
  const preset = found.plans.filter((plan) => plan.preset).map(({ imageId }) => imageId);
  expect(preset).toEqual([found.entries.find(({ computeId }) => computeId === "other-image")?.id]);
  expect([reconcile(released(), found, b), reconcile(other, found, { imageId: "other-image" })]).toEqual([[], []]);
  // In the other order too: what moves is as it is read by then. At once it would not be, and so one waits for the other.
  const taken = run(released(), run(other, withA(), { imageId: "other-image" }).found, b).found;
  expect(reconcile(other, taken, { imageId: "other-image" })).toEqual([]);
});

test("a rollback runs the same way, and makes nothing", () => {
  const { found } = run(released(), withA(), b);
  const back = run(wantedOf(), found, a);
  expect(back.names).toEqual(["updateImage shown", "updatePlan", "updatePlan", "updateImage hidden"]);
  expect(back.found.entries.map(({ visible }) => visible)).toEqual([true, false]);
});

test("a candidate is hidden and has a plan of its own, and takes nothing from the image in production", () => {
  const before = withA();
  const { found, names } = run(released({ channel: "candidate" }), before, b);
  expect(names).toEqual(["createImage hidden", "createPlan"]);
  expect(found.entries[0]).toEqual(before.entries[0]);
  expect(offered(found)).toEqual(offered(before));
  expect(found.plans[2]).toMatchObject({ flavourId: 21, preset: false });

  const promoted = run(released(), found, b);
  expect(promoted.names).toEqual(["updateImage shown", "updatePlan", "updatePlan", "updateImage hidden"]);
  expect(offered(promoted.found)).toMatchObject([{ flavourId: 22 }, { flavourId: 21, preset: true }]);
});

test("fails where a candidate would take away the only entry that users have", () => {
  expect(() => reconcile(wantedOf({ channel: "candidate" }), withA(), a)).toThrow("users have no other");
});

test("a changed field is one update that keeps what the stack says nothing of", () => {
  const found = withA();
  const edited = found.entries.map((entry) => ({ ...entry, autoAcceptExtensionRequest: "STAFF", later: "x" }));
  const visa = { ...found, entries: edited, inputFields: [...found.inputFields, "later"] };
  const [step, ...more] = reconcile(wantedOf({ fields: { version: "2" } }), visa, a);
  expect(more).toEqual([]);
  expect(step?.says).toBe(`change version of entry ${found.entries[0]?.id} "VISA desktop" 1 (shown)`);
  expect(step?.mutation).toMatchObject({
    input: { version: "2", autoAcceptExtensionRequest: "STAFF", later: "x", visible: true },
  });
});

test("a new release takes over what the stack says nothing of", () => {
  const found = withA();
  const edited = found.entries.map((entry) => ({ ...entry, autoAcceptExtensionRequest: "ALL", icon: "own.jpg" }));
  const [step] = reconcile(released(), { ...found, entries: edited }, b);
  expect(step?.mutation).toMatchObject({ input: { autoAcceptExtensionRequest: "ALL", icon: "own.jpg" } });
});

test.each([
  ["empty texts for null", { autologin: "VISA_PAM", version: "1", bootCommand: "#!/bin/bash\n" }],
  ["the default cloud by its number", { cloudId: -1 }],
  ["protocols in another order", { protocols: [...emptyVisa().protocols].filter(({ name }) => name !== "JUPYTER") }],
])("VISA's page saved %s: no difference", (_what, values) => {
  const found = withA();
  const entries = found.entries.map((entry) => ({ ...entry, ...values }));
  expect(reconcile(wantedOf(), { ...found, entries }, a)).toEqual([]);
});

test("a list of plans is the whole list: others of the entry go, once it is shown", () => {
  const plans = [{ flavour: "Large", preset: true }];
  const { found, names } = run(wantedOf({ plans }), withA(), a);
  expect(names).toEqual(["updatePlan", "deletePlan"]);
  expect(found.plans).toMatchObject([{ id: 32, preset: true }]);
});

test("fails where two entries are of this image, and lists both", () => {
  const found = withA();
  const [entry] = found.entries as [Entry];
  const twice = { ...found, entries: [entry, { ...entry, id: 77 }] };
  expect(() => reconcile(wantedOf(), twice, a)).toThrow(
    new RegExp(`several entries.*entry ${entry.id} "VISA desktop".*entry 77 "VISA desktop"`),
  );
});

test("fails where an entry of this image has lost its mark, with the command to run", () => {
  const found = withA();
  const entries = found.entries.map((entry) => ({ ...entry, description: "written anew" }));
  expect(() => reconcile(wantedOf(), { ...found, entries }, a)).toThrow(
    /does not say so.*\n.*visa adopt images\/general/,
  );
});

test("another entry of the same image with another name is somebody else's", () => {
  const found = withA();
  const school = { ...(found.entries[0] as Entry), id: 77, name: "Summer school", description: "" };
  expect(reconcile(wantedOf(), { ...found, entries: [...found.entries, school] }, a)).toEqual([]);
});

test("fails where an entry of a past release is shown, and unmarked", () => {
  const found = withA();
  const entries = found.entries.map((entry) => ({ ...entry, description: "" }));
  const visa = { ...found, entries };
  expect(() => reconcile(released(), visa, { ...b, pastImageIds: [IMAGES.a] })).toThrow("visa adopt");
  const marked = entries.map((entry) => ({ ...entry, description: withMark("", { key: KEY }) }));
  expect(reconcile(released(), { ...found, entries: marked }, { ...b, pastImageIds: [IMAGES.a] })[0]?.says).toContain(
    "make the entry",
  );
});

test.each([
  ["a protocol", { fields: { protocols: ["GUACD", "RPD"], secondaryDesktop: "RPD" } }, /no protocol "RPD"[\s\S]*"RDP"/],
  ["a flavour", { plans: [{ flavour: "Tiny", preset: true }] }, /no flavour "Tiny"[\s\S]*Large, Small/],
  ["a cloud client", { fields: { cloudClient: "second" } }, /no cloud client "second"/],
])("fails for %s that VISA does not know, before anything is done", (_what, values, message) => {
  expect(() => reconcile(wantedOf(values), emptyVisa(), a)).toThrow(message);
});

test("fails for a field that an older VISA does not have, where it was asked for", () => {
  const inputFields = emptyVisa().inputFields.filter((name) => name !== "autoAcceptExtensionRequest");
  const wanted = wantedOf({ fields: { autoAcceptExtensionRequest: "ALL" } });
  expect(() => reconcile(wanted, emptyVisa({ inputFields }), a)).toThrow("has no extension requests");
});

test("an older VISA gets the fields that it has", () => {
  const inputFields = emptyVisa().inputFields.filter((name) => !/Vdi|autoAccept|cloudId/.test(name));
  const [step] = reconcile(wantedOf(), emptyVisa({ inputFields }), a);
  expect(step?.mutation).not.toHaveProperty("input.defaultVdiProtocolId");
  expect(step?.mutation).toHaveProperty("input.name", "VISA desktop");
});

test("whatever happened before, it ends, does nothing the second time, and leaves no user without an image", () => {
  const plansOf = fc.constantFrom<Wanted["plans"]>("move", [
    { flavour: "Small", preset: true },
    { flavour: "Large", preset: false },
  ]);
  const deploy = fc.record({
    release: fc.constantFrom<"a" | "b">("a", "b"),
    channel: fc.constantFrom<Wanted["channel"]>("production", "production", "candidate"),
    plans: plansOf,
    version: fc.constantFrom("1", "2"),
    // After so many mutations it is killed.
    stop: fc.option(fc.nat(6), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(deploy, { minLength: 1, maxLength: 6 }), (deploys) => {
      let found = emptyVisa();
      for (const { release, channel, plans, version, stop } of [...deploys, { ...deploys[0], stop: undefined }]) {
        if (!release || !channel || !plans || !version) continue;
        const wanted = wantedOf({ release: RELEASES[release], channel, plans, fields: { version } });
        const options = { imageId: IMAGES[release] };
        const users = offered(found).length;
        let state = found;
        try {
          for (let count = 0; count !== stop; count++) {
            const [step] = reconcile(wanted, state, options);
            if (!step) break;
            state = after(state, step.mutation);
            if (users > 0) expect(offered(state).length).toBeGreaterThan(0);
            expect(count).toBeLessThan(20);
          }
        } catch (error) {
          expect((error as Error).message).toContain("users have no other");
        }
        found = state;
        // No duplicate: one entry for an image, one plan for a flavour of it.
        expect(new Set(found.entries.map(({ computeId }) => computeId)).size).toBe(found.entries.length);
        const pairs = found.plans.map(({ imageId, flavourId }) => `${imageId} ${flavourId}`);
        expect(new Set(pairs).size).toBe(pairs.length);
      }
    }),
    { numRuns: 300 },
  );
});
