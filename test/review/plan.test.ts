import { readFileSync } from "node:fs";
import { VisaImageError } from "../../lib/errors";
import { readPlan } from "../../lib/review/plan";
import { planFile } from "./support";

const text = readFileSync(planFile("release"), "utf8");

/** What is said about a file that is no plan. */
function refused(bytes: string | Uint8Array): string {
  try {
    readPlan(typeof bytes === "string" ? Buffer.from(bytes) : bytes, "plan.json");
  } catch (error) {
    expect(error).toMatchObject({ exitCode: 2, fix: expect.stringMatching(/\S/), location: { file: "plan.json" } });
    expect(error).toBeInstanceOf(VisaImageError);
    return (error as Error).message;
  }
  throw new Error("it was taken");
}

/** The plan with something else in it. */
const having = (more: object) => JSON.stringify({ ...JSON.parse(text), ...more });

test("reads what becomes of each resource, and why", () => {
  const { changes, terraformVersion } = readPlan(Buffer.from(text), "plan.json");
  const fates = new Map(changes.map(({ address, fate, reason }) => [address, { fate, reason }]));
  expect(terraformVersion).toMatch(/^1\./);
  expect(fates.get("openstack_images_image_v2.visa-apps_0123456789ab")?.fate).toBe("forgotten");
  expect(fates.get("terraform_data.layer_system-base")?.fate).toBe("none");
  expect(fates.get("openstack_compute_instance_v2.trial_6BBBC3DD")).toEqual({
    fate: "replaced",
    reason: "replace_by_triggers",
  });
});

test("reads what PowerShell redirects: UTF-16, and UTF-8 with a mark", () => {
  const all = readPlan(Buffer.from(text), "plan.json");
  expect(readPlan(Buffer.from(`\ufeff${text}`, "utf16le"), "plan.json")).toEqual(all);
  expect(readPlan(Buffer.from(`\ufeff${text}`), "plan.json")).toEqual(all);
});

test("a minor version that is newer only adds something", () => {
  expect(readPlan(Buffer.from(having({ format_version: "1.99" })), "plan.json").changes.length).toBeGreaterThan(0);
});

// By the table of OpenTofu 1.12.6 (internal/command/jsonplan/plan.go), which has one more than Terraform 1.11.
test.each([
  ["no-op", "none"],
  ["create", "created"],
  ["delete", "destroyed"],
  ["update", "updated"],
  ["create delete", "replaced"],
  ["delete create", "replaced"],
  ["forget create", "forgotten"],
  ["create forget", "forgotten"],
  ["forget", "forgotten"],
])("knows the actions of Terraform and of OpenTofu: %s", (actions, fate) => {
  const change = { address: "a.b", type: "a", name: "b", mode: "managed", change: { actions: actions.split(" ") } };
  const { applyable: _, complete: __, ...openTofu } = JSON.parse(having({ resource_changes: [change] }));
  expect(readPlan(Buffer.from(JSON.stringify(openTofu)), "plan.json").changes).toMatchObject([{ fate }]);
});

test("knows resources in modules, and leaves out what is only read", () => {
  const change = { change: { actions: ["create"] }, type: "terraform_data", name: "x" };
  const plan = readPlan(
    Buffer.from(
      having({
        resource_changes: [
          { ...change, address: 'module.a["b"].terraform_data.x[0]', mode: "managed" },
          { ...change, address: "data.terraform_data.x", mode: "data", change: { actions: ["read"] } },
        ],
      }),
    ),
    "plan.json",
  );
  expect(plan.changes).toMatchObject([{ prefix: 'module.a["b"].', name: "x" }]);
});

test.each([
  ["nothing", "", /the file is empty\n {2}fix: terraform plan -out=PLAN/],
  ["no JSON", "Plan: 1 to add", /this is no JSON\n {2}fix: .*terraform show -json PLAN/],
  ["a list", "[]", /no plan of Terraform/],
  ["a plan that is cut off", text.slice(0, text.length / 2), /cut off: its JSON does not end/],
  ["the plan itself", "PK\u0003\u0004", /the plan itself, not its JSON\n {2}fix: terraform show -json PLAN/],
  ["a state", '{"format_version":"1.0","values":{}}', /a state, not a plan/],
  ["the log of a plan", '{"@level":"info"}\n{"@level":"info"}\n', /the log of `terraform plan -json`/],
  ["the log's first line", '{"@level":"info","@message":"Terraform 1.11"}', /the log of `terraform plan -json`/],
  ["a package.json", '{"name":"x"}', /no plan of Terraform/],
  [
    "a format of tomorrow",
    having({ format_version: "2.0" }),
    /format_version is "2.0", expected 1\.x\n {2}fix: use a version/,
  ],
  ["a format of another kind", having({ format_version: "1" }), /format_version is "1"/],
  ["a plan that failed", having({ errored: true }), /ended with an error/],
  ["a list that is none", having({ resource_changes: {} }), /"resource_changes" of the plan is no list/],
  ["a change that is none", having({ resource_changes: [7] }), /"resource_changes\[0\]" of the plan is no change/],
  [
    "an action of tomorrow",
    having({ resource_changes: [{ address: "a.b", type: "a", name: "b", change: { actions: ["evict"] } }] }),
    /the plan does "evict" to a\.b, which this version does not know/,
  ],
])("fails for %s, with the fix", (_what, bytes, message) => {
  expect(refused(bytes)).toMatch(message);
});
