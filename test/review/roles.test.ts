import { readFileSync } from "node:fs";
import { readPlan } from "../../lib/review/plan";
import { releaseName, roleOf } from "../../lib/review/roles";
import { planFile } from "./support";

test("every resource of the project's own constructs is known by what it stands for", () => {
  const { changes } = readPlan(readFileSync(planFile("release")), "release.json");
  expect(Object.fromEntries(changes.map((change) => [change.address, roleOf(change)]))).toEqual({
    "openstack_compute_instance_v2.trial_6BBBC3DD": "instance",
    "openstack_images_image_v2.visa-apps_0123456789ab": "image",
    "openstack_images_image_v2.visa-apps_5c329d84cf97": "image",
    "openstack_images_image_v2.visa-apps_6ff1232e560f": "image",
    "terraform_data.general_hidden_when_destroyed": "visa-guard",
    "terraform_data.general_in_visa": "visa",
    "terraform_data.general_seen_in_visa": "visa-again",
    "terraform_data.layer_system-base": "layer",
    "terraform_data.layer_visa-apps": "layer",
    "terraform_data.layer_visa-base": "layer",
    "terraform_data.trial_image": "instance-image",
    "terraform_data.visa-apps_0123456789ab_registered": "registered",
    "terraform_data.visa-apps_5c329d84cf97_registered": "registered",
    "terraform_data.visa-apps_6ff1232e560f_registered": "registered",
    "terraform_data.visa-apps_in_use": "in-use",
    "terraform_data.visa-apps_protection": "protection-notice",
    "terraform_data.visa-apps_verified": "verified",
  });
});

test("a terraform_data of such a name without our triggers is somebody else's", () => {
  const { changes } = readPlan(readFileSync(planFile("secrets")), "secrets.json");
  const own = changes.find(({ name }) => name === "own_data");
  if (!own) throw new Error("the fixture has no own_data");
  for (const name of [
    "layer_cake",
    "x_verified",
    "x_in_use",
    "x_in_visa",
    "x_protection",
    "x_image",
    "x_0123456789ab_served",
  ])
    expect([name, roleOf({ ...own, name })]).toEqual([name, "other"]);
});

test("a release's digits are the end of its name", () => {
  expect(releaseName("a_b_0123456789ab")).toEqual({ image: "a_b", release: "0123456789ab" });
  expect(releaseName("a_0123456789ab_registered")).toEqual({ image: "a", release: "0123456789ab" });
  expect(releaseName("a_0123")).toBeUndefined();
});
