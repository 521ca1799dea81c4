/** `builder`: who builds is no input of an image, and what a cloud has built is looked for there. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { App } from "cdktf";
import { VisaImage } from "../../lib/constructs/visa-image";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import { packageRoot } from "../../lib/package-root";
import type { BuildSpecification } from "../../lib/specification";
import { scratchFolder } from "../support/scratch";
import { newStack, synthesized } from "./support";

function synthesize(props: Partial<VisaImageProps>) {
  const stack = newStack();
  const lockFile = join(scratchFolder(), "visa-images.lock.json");
  new VisaImage(stack, "general", { template: "visa-base", lockFile, ...props });
  const { outdir } = App.of(stack);
  App.of(stack).synth();
  // Each in folders of its own.
  const resource = JSON.stringify(synthesized(stack).resource).replaceAll(/(visa-images-test|own)-\w+/g, "");
  return { resource, specifications: specificationsIn(outdir) };
}

function specificationsIn(outdir: string): BuildSpecification[] {
  const folder = join(outdir, "stacks");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /specifications\/[^/]+\.json$/.test(name))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as BuildSpecification);
}

test("a plan is the same whoever builds", () => {
  const plain = synthesize({});
  const byCloud = synthesize({ builder: "openstack", machine: { flavor: "build.large" } });
  expect(byCloud.resource).toBe(plain.resource);
  const fingerprints = (all: BuildSpecification[]) => all.map(({ layers }) => layers.at(-1)?.fingerprint).sort();
  expect(fingerprints(byCloud.specifications)).toEqual(fingerprints(plain.specifications));
});

test("the build is told who builds, and looks for layers where a cloud has put them", () => {
  for (const { machine, parentsFromGlance } of synthesize({ builder: "openstack", machine: { flavor: "f" } })
    .specifications) {
    expect(machine).toEqual({ builder: "openstack", flavor: "f" });
    expect(parentsFromGlance?.lockFile).toMatch(/visa-images\.lock\.json$/);
  }
  const [one] = synthesize({ machine: { builder: "openstack" } }).specifications;
  expect(one?.parentsFromGlance).toBeDefined();
  const [plain] = synthesize({ builder: "qemu" }).specifications;
  expect(plain).not.toHaveProperty("parentsFromGlance");
});

test("VISA_BUILDER alone does so too", () => {
  process.env.VISA_BUILDER = "openstack";
  try {
    for (const { machine, parentsFromGlance } of synthesize({}).specifications) {
      expect(machine).toBeUndefined();
      expect(parentsFromGlance?.lockFile).toMatch(/visa-images\.lock\.json$/);
    }
  } finally {
    delete process.env.VISA_BUILDER;
  }
});

test("fails for a builder that is none", () => {
  expect(() => synthesize({ machine: { builder: "vmware" as "qemu" } })).toThrow(
    /no builder "vmware"\n.*qemu or openstack/,
  );
});

test("examples/builder has a cloud build all layers", () => {
  const folder = scratchFolder();
  process.env.CDKTF_OUTDIR = folder;
  try {
    jest.isolateModules(() => require(join(packageRoot(), "examples", "builder", "main")));
  } finally {
    delete process.env.CDKTF_OUTDIR;
  }
  const machine = { builder: "openstack", flavor: "build.large", network: "visa", floatingIpPool: "external" };
  expect(specificationsIn(folder)).toMatchObject([{ machine }, { machine }, { machine }]);
});
