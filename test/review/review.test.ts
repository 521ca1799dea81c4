import { readFileSync } from "node:fs";
import { readPlan } from "../../lib/review/plan";
import { printMarkdown, printText } from "../../lib/review/print";
import { reviewPlan, unnamedLosses } from "../../lib/review/review";
import { planFile, reviewOf } from "./support";

const INSTANCE = "openstack_compute_instance_v2.trial_6BBBC3DD";
// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
type Json = any;
const find = (json: Json, address: string) => json.resource_changes.find((each: Json) => each.address === address);

test("a plan that changes nothing is nothing to do", () => {
  expect(reviewOf("nothing")).toMatchObject({
    verdict: "nothing",
    losses: [],
    images: [],
    layers: [],
    visa: [],
    others: [],
  });
});

test("the first deploy: nothing is lost, layers from the lowest on", () => {
  const { verdict, losses, layers, images } = reviewOf("first");
  expect({ verdict, losses }).toEqual({ verdict: "routine", losses: [] });
  expect(layers.map(({ name, why }) => [name, why])).toEqual([
    ["system-base", "first"],
    ["visa-base", "first"],
    ["visa-apps", "first"],
  ]);
  expect(images).toMatchObject([
    { kind: "new", protected: ["5c329d84cf97"], layers: ["system-base", "visa-base", "visa-apps"] },
  ]);
});

test("a new release: the input that changed, the layer, and the instance that is replaced", () => {
  const review = reviewOf("release");
  expect(review.verdict).toBe("judge");
  expect(review.losses).toMatchObject([
    { address: INSTANCE, what: "instance", fate: "replaced", name: "trial", owner: "ada", allowed: false },
  ]);
  expect(review.losses[0]?.why).toBe("its image changes; it runs on visa-apps_5c329d84cf97");
  expect(review.layers).toEqual([
    expect.objectContaining({
      ...{ name: "visa-apps", why: "changed" },
      changed: [{ name: "scripts/jupyter.sh", before: "77b2c0ffee00 0755", after: "3fa1c0ffee00 0755" }],
    }),
  ]);
});

test("steps of ours that are replaced cost nothing, and are no losses", () => {
  const replaced = JSON.parse(readFileSync(planFile("release"), "utf8")).resource_changes.filter(
    ({ change }: Json) => String(change.actions) === "delete,create",
  );
  expect(replaced.length).toBeGreaterThan(5);
  expect(reviewOf("release").losses).toHaveLength(1);
});

test("a terraform_data of somebody else is a loss, whatever its name", () => {
  const { losses } = reviewOf("secrets", [], (json) => {
    const own = find(json, "terraform_data.own_data");
    Object.assign(own, { name: "layer_cake", address: "terraform_data.layer_cake" });
  });
  expect(losses.map(({ address }) => address)).toContain("terraform_data.layer_cake");
});

test("an instance that gets another image in place is lost too: the provider wipes its disk", () => {
  const rebuilt = reviewOf("secrets").losses.find(({ name }) => name === "rebuilt");
  expect(rebuilt).toMatchObject({ fate: "rebuilt", consequence: expect.stringContaining("its disk is wiped") });
});

test("an instance that is only changed is no loss, and its attributes are told by name", () => {
  const { losses, others } = reviewOf("nothing", [], (json) => {
    const { change } = find(json, INSTANCE);
    change.actions = ["update"];
    change.after = { ...change.after, flavor_name: "m1.large" };
  });
  expect(losses).toEqual([]);
  expect(others).toEqual([{ address: INSTANCE, fate: "updated", attributes: ["flavor_name"] }]);
});

test("what is named is allowed, and by its whole address alone", () => {
  expect(unnamedLosses(reviewOf("release", [INSTANCE]))).toEqual([]);
  expect(unnamedLosses(reviewOf("release", [INSTANCE.slice(0, -1), "openstack_compute_instance_v2"]))).toHaveLength(1);
  expect(reviewOf("release", [INSTANCE]).verdict).toBe("judge");
});

test("an instance that the code has no more is destroyed", () => {
  expect(reviewOf("instance-gone").losses).toMatchObject([{ address: INSTANCE, fate: "destroyed" }]);
});

test("everything destroyed: images that Glance protects, and VISA's entry is hidden", () => {
  const { losses, images } = reviewOf("destroy");
  expect(losses.map(({ what, fate, name }) => [what, fate, name])).toEqual([
    ["instance", "destroyed", "trial"],
    ["image", "destroyed", "VISA desktop"],
    ["image", "destroyed", "VISA desktop"],
    ["VISA entry", "hidden", "general"],
  ]);
  expect(losses[1]?.consequence).toContain("Glance protects it");
  expect(images).toEqual([]);
});

/** The release that is in use goes, as where a checkout has an old lock; its `in_use` may go too. */
function without(json: Json, ...gone: string[]): void {
  for (const address of gone) {
    Object.assign(find(json, address), { action_reason: "delete_because_no_resource_config" });
    Object.assign(find(json, address).change, { actions: ["delete"], after: null, after_unknown: {} });
  }
}
const IN_USE = ["openstack_images_image_v2.visa-apps_5c329d84cf97", "terraform_data.visa-apps_5c329d84cf97_registered"];

test("an image that goes because the lock lacks its release: that is said, with what to do", () => {
  const why = ({ losses }: ReturnType<typeof reviewOf>) => losses.find(({ what }) => what === "image")?.why;
  const behind = why(reviewOf("release", [], (json) => without(json, ...IN_USE)));
  expect(behind).toMatch(/^the lock does not have this release, .*\(git pull\), or run 'npx visa-image lock sync'/);
  const whole = why(reviewOf("release", [], (json) => without(json, ...IN_USE, "terraform_data.visa-apps_in_use")));
  const unregistered = why(reviewOf("release", [], (json) => without(json, IN_USE[0] as string)));
  expect([whole, unregistered]).toEqual(["the code has it no more", "the code has it no more"]);
});

test("what an earlier deploy left over, and is deleted now, is a loss", () => {
  const { losses } = reviewOf("nothing", [], (json) => {
    const whole = find(json, INSTANCE);
    const change = { ...whole.change, actions: ["delete"], after: null };
    json.resource_changes.push({ ...whole, deposed: "00aa11bb", change });
  });
  expect(losses).toMatchObject([{ fate: "destroyed", why: expect.stringContaining("left over") }]);
});

test("a layer whose last build failed is built again", () => {
  expect(reviewOf("tainted").layers).toMatchObject([{ name: "visa-apps", why: "retry", changed: [] }]);
});

test("another disk format makes another image of the same layer", () => {
  const { layers } = reviewOf("tainted", [], (json) => {
    const { change } = find(json, "terraform_data.layer_visa-apps");
    change.after.triggers_replace["disk format"] = "qcow2";
  });
  expect(layers).toMatchObject([
    { why: "same disk", changed: [{ name: "disk format", before: "raw", after: "qcow2" }] },
  ]);
});

test("VISA is told the fields that change", () => {
  expect(reviewOf("renamed").visa).toEqual([
    {
      ...{ registration: "general", kind: "changed" },
      fields: [{ name: "name", before: "VISA desktop", after: "VISA desktop 2" }],
    },
  ]);
  const fields = new Map(reviewOf("release").visa[0]?.fields.map(({ name, after }) => [name, after]));
  expect([...fields.keys()]).toEqual(["description", "image", "plans", "version"]);
  expect(fields.get("image")).toBe("(known after apply)");
});

test.each(["text", "Markdown", "JSON"])("no secret is in the %s of a review", (format) => {
  const raw = readFileSync(planFile("secrets"), "utf8");
  expect(raw).toContain("Canary-");
  const review = reviewOf("secrets");
  const made = { text: printText, Markdown: printMarkdown, JSON: JSON.stringify }[format] as (
    of: typeof review,
  ) => string;
  expect(made(review)).toContain("own_data");
  expect(made(review)).not.toContain("Canary");
});

test("a plan of 500 images is reviewed within seconds", () => {
  const json = JSON.parse(readFileSync(planFile("release"), "utf8"));
  const own = json.resource_changes.filter(({ address }: Json) => /visa-apps/.test(address));
  json.resource_changes = Array.from({ length: 500 }, (_, i) =>
    own.map((each: Json) =>
      JSON.parse(
        JSON.stringify(each)
          .replaceAll("visa-apps", `apps-${i}`)
          .replaceAll("bd4cebc973fd", String(i).padStart(12, "0")),
      ),
    ),
  ).flat();
  const plan = readPlan(Buffer.from(JSON.stringify(json)), "plan.json");
  const started = process.cpuUsage();
  expect(reviewPlan(plan).images).toHaveLength(500);
  expect(process.cpuUsage(started).user / 1e6).toBeLessThan(3);
});
