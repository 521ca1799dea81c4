/** `rebuildWhen`: what synth stages for `visa-image stale --update`, and what it makes of the lock that that writes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { VisaImage } from "../../lib/constructs/visa-image";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import { packageRoot } from "../../lib/package-root";
import { formatLock } from "../../lib/releases/release-lock";
import { readRule } from "../../lib/stale/rebuild-when";
import { scratchFolder } from "../support/scratch";
import { addImage, newStack, synthesized } from "./support";

const REASON = "openssl 3.0.17-1~deb12u2 → 3.0.17-1~deb12u3 (security)";

function lockOf(refreshes?: Record<string, Record<string, string>>): string {
  const file = join(scratchFolder(), "visa-images.lock.json");
  writeFileSync(file, formatLock({ version: 1, images: {}, refreshes }));
  return file;
}

/** Triggers of each layer of a stack with one image, or with two. */
function triggersOf(props: Partial<VisaImageProps>, second?: Partial<VisaImageProps>) {
  const stack = newStack();
  const lockFile = lockOf({ "images/general": { "visa-base": REASON } });
  new VisaImage(stack, "general", { template: "visa-base", lockFile, ...props });
  if (second) new VisaImage(stack, "other", { template: "visa-base", lockFile, ...second });
  const resources = synthesized(stack).resource.terraform_data as Record<string, { triggers_replace: object }>;
  return Object.fromEntries(
    Object.entries(resources)
      .filter(([name]) => name.startsWith("layer_"))
      .map(([name, { triggers_replace: triggers }]) => [name, triggers as Record<string, string>]),
  );
}

test("the plan says why a layer is built anew, and the layers below stay", () => {
  const before = triggersOf({ lockFile: lockOf() });
  const after = triggersOf({});
  expect(after["layer_system-base"]).toEqual(before["layer_system-base"]);
  expect(after["layer_visa-base"]?.refresh).toBe(REASON);
  expect(after["layer_visa-base"]?.fingerprint).not.toBe(before["layer_visa-base"]?.fingerprint);
});

test("with the first layer its bootstrapped base is made anew, which has most of its packages", () => {
  const lockFile = lockOf({ "images/general": { "system-base": REASON } });
  const [before, after] = [triggersOf({ lockFile: lockOf() }), triggersOf({ lockFile })];
  expect(after["layer_system-base"]?.base).not.toBe(before["layer_system-base"]?.base);
  expect(after["layer_system-base"]?.refresh).toBe(REASON);
  expect(after["layer_visa-base"]).not.toHaveProperty("refresh");
});

test("another image of the stack stays as it is", () => {
  const after = triggersOf({}, {});
  expect(Object.keys(after)).toEqual(["layer_system-base", "layer_visa-base", "layer_visa-base_other"]);
  expect(after["layer_visa-base_other"]).not.toHaveProperty("refresh");
});

test("a rule is staged, and is no input of anything", () => {
  const folder = scratchFolder();
  const stack = newStack("images", folder);
  const props = { template: "visa-base", lockFile: lockOf() };
  new VisaImage(stack, "general", { ...props, rebuildWhen: { securityUpdates: true, olderThanDays: 30 } });
  App.of(stack).synth();
  const { resource } = synthesized(stack);
  expect(readRule(join(folder, "stacks", "images", "rebuild-when", "general.json"))).toEqual({
    ...{ version: 1, image: "images/general", layers: ["system-base", "visa-base"], base: "bootstrap" },
    rebuildWhen: { securityUpdates: true, olderThanDays: 30 },
  });
  const plain = newStack();
  new VisaImage(plain, "general", props);
  const ids = (resources: { openstack_images_image_v2: object }) => Object.keys(resources.openstack_images_image_v2);
  expect(ids(resource)).toEqual(ids(synthesized(plain).resource));
  expect(readFileSync(join(folder, "stacks", "images", "rebuild-when", "general.json"), "utf8")).toMatch(/\n$/);
});

test("examples/rebuild-when stages a rule", () => {
  const folder = scratchFolder();
  process.env.CDKTF_OUTDIR = folder;
  try {
    jest.isolateModules(() => require(join(packageRoot(), "examples", "rebuild-when", "main")));
  } finally {
    delete process.env.CDKTF_OUTDIR;
  }
  const rule = readRule(join(folder, "stacks", "images", "rebuild-when", "general.json"));
  expect(rule).toMatchObject({ image: "images/general", layers: ["system-base", "visa-base", "visa-apps"] });
});

test("fails for a specification, which is fingerprinted already", () => {
  expect(() => addImage(newStack(), { rebuildWhen: { securityUpdates: true } })).toThrow("does not go with");
});

test.each([0, -1, Number.NaN])("fails for an age of %s days", (olderThanDays) => {
  const image = () => new VisaImage(newStack(), "general", { template: "visa-base", rebuildWhen: { olderThanDays } });
  expect(image).toThrow(`"rebuildWhen.olderThanDays" is ${olderThanDays}, expected a number of days`);
});
