import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import { addImage, chain, newStack, synthesizedFolder } from "../constructs/support";
import {
  keepStateInFolder,
  type StateResource,
  TerraformFolder,
  terraformDataState,
  writeState,
} from "./terraform-support";

jest.setTimeout(120_000);

/** A stack with one image, synthesized, its plan still to be made. */
function prepare(
  props: Partial<VisaImageProps> = {},
  stack: TerraformStack = newStack(),
): { folder: string; json: Json } {
  addImage(stack, props);
  const { folder, json } = synthesizedFolder(stack);
  const stackFolder = join(folder, "stacks", stack.node.id);
  keepStateInFolder(stackFolder);
  return { folder: stackFolder, json };
}

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
type Json = any;

/** The state that an apply of this configuration leaves behind, as far as plans look at it. */
function stateAfter(json: Json): StateResource[] {
  const [[imageName, image]] = Object.entries<Json>(json.resource.openstack_images_image_v2) as [[string, Json]];
  const imageId = "5f0e9b7c-0000-4000-8000-000000000001";
  const resources = Object.entries<Json>(json.resource.terraform_data)
    .filter(([, resource]) => resource.triggers_replace)
    .map(([name, { triggers_replace: triggers }]) =>
      terraformDataState(name, { ...triggers, ...(triggers.image && { image: imageId }) }),
    );
  const { input } = json.resource.terraform_data["visa-apps_protection"];
  const type = ["object", { notice: "string" }];
  resources.push({
    type: "terraform_data",
    name: "visa-apps_protection",
    attributes: {
      id: "00000000-0000-4000-8000-000000000002",
      input: { value: input, type },
      output: { value: input, type },
      triggers_replace: null,
    },
  });
  const { lifecycle: _, timeouts, "//": __, ...configured } = image;
  resources.push({
    type: "openstack_images_image_v2",
    name: imageName,
    attributes: {
      ...configured,
      local_file_path: "images/somewhere-else.raw",
      id: imageId,
      metadata: {},
      image_id: imageId,
      protected: true,
      status: "active",
      tags: null,
      timeouts,
    },
    sensitive: ["image_source_password"],
    private: timeoutNotes(Number.parseInt(timeouts.create, 10)),
  });
  return resources;
}

/** How version 2 of the provider SDK keeps the timeouts of a resource: by this id, in nanoseconds. */
function timeoutNotes(createMinutes: number): string {
  const notes = { "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0": { create: createMinutes * 60e9 } };
  return Buffer.from(JSON.stringify(notes)).toString("base64");
}

describe("the first plan, with the cloud unreachable", () => {
  const { folder } = prepare();
  const terraform = new TerraformFolder(folder);

  test("is of a valid configuration", () => {
    expect(terraform.run("validate")).toContain("The configuration is valid");
  });

  test("shows one build per layer and the image, by name", () => {
    const plan = terraform.run("plan", "-input=false", "-compact-warnings");
    const created = [...plan.matchAll(/# (\S+) will be created/g)].map(([, address]) => address);
    expect(created).toEqual([
      "openstack_images_image_v2.visa-apps_5c329d84cf97",
      "terraform_data.layer_system-base",
      "terraform_data.layer_visa-apps",
      "terraform_data.layer_visa-base",
      "terraform_data.visa-apps_5c329d84cf97_registered",
      "terraform_data.visa-apps_in_use",
      "terraform_data.visa-apps_protection",
      "terraform_data.visa-apps_verified",
    ]);
    expect(plan).toMatch(/\+ name +\S* *= "visa-apps"/);
    expect(plan).toMatch(/\+ local_file_path +\S* *= \(known after apply\)/);
    expect(plan).toContain("Plan: 8 to add, 0 to change, 0 to destroy.");
  });

  test("builds nothing", () => {
    terraform.run("plan", "-input=false", "-compact-warnings");
    expect(readdirSync(folder)).not.toContain("images");
  });
});

describe("a plan after a deploy", () => {
  const lockFile = join("/nowhere", "visa-images.lock.json");
  const before = stateAfter(prepare({ lockFile }).json);

  /** What a new release replaces: the last layer's build, the note of which release is in use, and the verification. */
  const REPLACED = ["layer_visa-apps", "visa-apps_in_use", "visa-apps_verified"].map(
    (name) => `# terraform_data.${name} must be replaced`,
  );

  function planAfter(props: Partial<VisaImageProps>): string {
    const { folder } = prepare({ lockFile, outputs: false, ...props });
    writeState(folder, before);
    return new TerraformFolder(folder).run("plan", "-input=false", "-compact-warnings", "-refresh=false");
  }

  test("is empty where nothing changed, though the disk is not on this machine", () => {
    expect(planAfter({})).toContain("No changes.");
  });

  test("is empty where only the machine that builds changed", () => {
    expect(planAfter({ specification: chain({ cpus: 8 }) })).toContain("No changes.");
  });

  test("names the file that changed, and replaces only its layer", () => {
    const plan = planAfter({ specification: chain({ script: "3fa1c0ffee00 0755" }) });
    expect(plan).toMatch(/"scripts\/jupyter.sh" += "77b2c0ffee00 0755" -> "3fa1c0ffee00 0755"/);
    expect(plan.match(/# \S+ must be replaced/g)).toEqual(REPLACED);
  });

  test("makes a new image, and no other layer, for another disk format", () => {
    const plan = planAfter({ diskFormat: "qcow2" });
    expect(plan).toMatch(/"disk format" += "raw" -> "qcow2"/);
    expect(plan.match(/# \S+ must be replaced/g)).toEqual(REPLACED);
    expect(plan).toMatch(/# openstack_images_image_v2\.visa-apps_\w+ will be created/);
  });

  test("makes a new image, and no other layer, for another os_version", () => {
    const plan = planAfter({ properties: { os_version: "12.9" } });
    expect(plan).toMatch(/os_version=12" -> "os_distro=debian os_type=linux os_version=12.9"/);
    expect(plan).toMatch(/# openstack_images_image_v2\.visa-apps_\w+ will be created/);
  });

  test("changes the image in place for another name", () => {
    const plan = planAfter({ imageName: "VISA desktop" });
    expect(plan).toMatch(/~ name += "visa-apps" -> "VISA desktop"/);
    expect(plan).toContain("Plan: 0 to add, 1 to change, 0 to destroy.");
  });

  test("only registers anew where the protection is taken away", () => {
    const plan = planAfter({ protected: false });
    expect(plan).toMatch(/~ protected = "true" -> "false"/);
    expect(plan).not.toMatch(/# openstack_images_image_v2/);
  });
});
