import { readFileSync } from "node:fs";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { TerraformVariable } from "cdktf";
import { VisaImage } from "../../lib/constructs/visa-image";
import { VisaRegistration } from "../../lib/constructs/visa-registration";
import type { VisaRegistrationProps } from "../../lib/constructs/visa-registration-props";
import type { ContractPart } from "../../lib/contract";
import { packageRoot } from "../../lib/package-root";
import { scratchFolder } from "../support/scratch";
import { addImage, chain, newStack, synthesizedFolder, userData } from "./support";

const ID = "5f0e9b7c-0000-4000-8000-000000000001";

/** The chain with what its last layer promises. */
function promising(...contract: ContractPart[]) {
  const specification = chain();
  return { ...specification, layers: specification.layers.map((layer) => ({ ...layer, contract })) };
}

function register(props: Partial<VisaRegistrationProps> = {}, contract: ContractPart[] = ["boot", "desktop", "login"]) {
  const stack = newStack();
  const image = addImage(stack, { specification: promising(...contract), imageName: "VISA desktop" });
  const registration = new VisaRegistration(stack, "general", { image, ...props });
  const synthesized = () => {
    const { folder, json } = synthesizedFolder(stack);
    const resource = json.resource.terraform_data.general_in_visa;
    const staged = join(folder, "stacks", "images", "visa", "general.json");
    return { json, resource, wanted: JSON.parse(readFileSync(staged, "utf8")) };
  };
  return { stack, image, registration, synthesized };
}

test("the triggers are the fields of VISA's page, each by its name, and the image", () => {
  const { image, synthesized } = register({}, ["boot", "desktop", "login", "jupyter", "hygiene"]);
  const { resource } = synthesized();
  expect(resource.triggers_replace).toEqual({
    channel: "production",
    name: "VISA desktop",
    version: image.release.digits,
    description: expect.stringContaining(
      "On Debian bookworm, in layers: system-base, visa-base, visa-apps.\nlanguage: en",
    ),
    icon: "as it is",
    protocols: "GUACD RDP JUPYTER",
    "default desktop": "GUACD",
    "secondary desktop": "RDP",
    autologin: "VISA_PAM",
    "boot command": expect.stringMatching(/^[0-9a-f]{12}$/),
    "cloud client": "as it is",
    "extension requests": "as it is",
    plans: "move",
    image: `\${openstack_images_image_v2.visa-apps_${image.release.digits}.id}`,
  });
});

test("it runs after the image is registered, by a command that names neither VISA nor a token", () => {
  process.env.VISA_API_URL = "https://visa.test.example";
  process.env.VISA_API_TOKEN = "a-very-secret-token";
  try {
    const { image, synthesized } = register();
    const { json, resource, wanted } = synthesized();
    expect(resource.depends_on).toEqual([`terraform_data.visa-apps_${image.release.digits}_registered`]);
    const [{ "local-exec": exec }] = resource.provisioner;
    expect(exec.command).toMatch(
      /main\.js visa register --wanted visa\/general\.json --image-id \$\{.*\.id\} --lock-file /,
    );
    expect(JSON.stringify([json, wanted])).not.toMatch(/visa\.test\.example|a-very-secret-token/);
  } finally {
    delete process.env.VISA_API_URL;
    delete process.env.VISA_API_TOKEN;
  }
});

test("what Terraform was killed at is looked at again: a second step of the same command, once the first is whole", () => {
  const { json, resource } = register().synthesized();
  const { general_seen_in_visa: seen } = json.resource.terraform_data;
  expect(seen.triggers_replace).toEqual({ registration: "${terraform_data.general_in_visa.id}" });
  expect(seen.provisioner).toEqual(resource.provisioner);
});

test("what is staged is what VISA gets: the boot command byte for byte", () => {
  const { wanted } = register({ plans: { flavours: ["Small", "Large"], preset: "Small" } }).synthesized();
  expect(wanted).toMatchObject({
    key: "images/general",
    image: "images/visa-apps",
    tellChanges: true,
    fields: { bootCommand: userData.text, protocols: ["GUACD", "RDP"] },
    plans: [
      { flavour: "Small", preset: true },
      { flavour: "Large", preset: false },
    ],
  });
});

test("destroyed, it hides the entry before the image goes; replaced, it does not", () => {
  const { json, resource } = register().synthesized();
  const guard = json.resource.terraform_data.general_hidden_when_destroyed;
  expect(guard.triggers_replace).toBeUndefined();
  expect(guard.provisioner[0]["local-exec"]).toMatchObject({
    when: "destroy",
    command: expect.stringContaining("visa hide images/general"),
  });
  expect(JSON.stringify(resource)).not.toContain('"destroy"');
});

test("promotion changes the channel and nothing else", () => {
  const triggers = (channel: "candidate" | "production") =>
    register({ channel }).synthesized().resource.triggers_replace;
  expect(triggers("production")).toEqual({ ...triggers("candidate"), channel: "production" });
});

test("an image by its id, whose contract is said", () => {
  const stack = newStack();
  const props = { name: "by id", version: "1", contract: ["desktop", "login"] } as const;
  new VisaRegistration(stack, "general", { image: ID, ...props });
  const image = VisaImage.fromImageId(ID, { fingerprint: "f".repeat(64), userData });
  new VisaRegistration(stack, "other", { image, ...props });
  const { folder } = synthesizedFolder(stack);
  const staged = (id: string) =>
    JSON.parse(readFileSync(join(folder, "stacks", "images", "visa", `${id}.json`), "utf8"));
  expect(staged("general")).toMatchObject({ imageId: ID, fields: { protocols: ["GUACD", "RDP"] } });
  expect(staged("general").fields.bootCommand).toBeUndefined();
  expect(staged("other").fields.bootCommand).toBe(userData.text);
});

test("the image of another cloud is registered with the contract of the one it is a copy of", () => {
  const { stack, image } = register();
  const provider = new OpenstackProvider(stack, "second", { alias: "second", cloud: "second" });
  const destination = image.addDestination("second", { provider });
  const registration = new VisaRegistration(stack, "there", { image: destination });
  expect(registration.protocols).toEqual(["GUACD", "RDP"]);
  const { terraform_data: data } = synthesizedFolder(stack).json.resource;
  expect(data.there_in_visa.provisioner[0]["local-exec"].environment).toEqual({ OS_CLOUD: "second" });
});

test("each build asks VISA first, whoever else shares it; of an image without a registration none does", () => {
  const { stack, synthesized } = register();
  addImage(stack, { specification: promising("boot", "desktop", "login"), imageName: "other" }, "other");
  const { terraform_data: data } = synthesized().json.resource;
  const commands = ["system-base", "visa-base", "visa-apps"].map(
    (name) => data[`layer_${name}`].provisioner[0]["local-exec"].command,
  );
  for (const command of commands) expect(command).toMatch(/ build --sign-in --ask-visa --specification /);
  const alone = newStack();
  addImage(alone, { specification: promising("desktop") });
  expect(JSON.stringify(synthesizedFolder(alone).json)).not.toContain("--ask-visa");
});

test("an image that is not active is told by the plan; of one that is known by its id alone the command tells it", () => {
  const { image, stack, synthesized } = register();
  new VisaRegistration(stack, "by-id", { image: ID, name: "by id", contract: ["desktop"] });
  const { json, resource } = synthesized();
  const address = `openstack_images_image_v2.visa-apps_${image.release.digits}`;
  expect(resource.lifecycle.precondition).toEqual([
    {
      condition: `\${${address}.status == "active"}`,
      error_message: expect.stringContaining(`is \${${address}.status} in Glance, not active`),
    },
  ]);
  expect(json.resource.terraform_data["by-id_in_visa"].lifecycle).toBeUndefined();
});

describe("VISA's one preset plan", () => {
  const preset = { plans: { flavours: ["Small"], preset: "Small" } };

  test("is given by the stack's last step, whichever registration comes first in code", () => {
    const { image, stack, synthesized } = register();
    new VisaRegistration(stack, "with-preset", { image, ...preset });
    new VisaRegistration(stack, "third", { image });
    const { terraform_data: data } = synthesized().json.resource;
    expect(data["with-preset_in_visa"].depends_on).toEqual([
      `terraform_data.visa-apps_${image.release.digits}_registered`,
      "terraform_data.general_seen_in_visa",
      "terraform_data.third_seen_in_visa",
    ]);
    for (const name of ["general", "third"]) expect(data[`${name}_in_visa`].depends_on).toHaveLength(1);
  });

  test("fails where two registrations name one; a candidate's is none yet", () => {
    const { image, stack } = register(preset);
    new VisaRegistration(stack, "candidate", { image, ...preset, channel: "candidate" });
    expect(() => new VisaRegistration(stack, "second", { image, ...preset })).toThrow(
      '"images/general" and "images/second" name a preset plan each',
    );
  });
});

test.each<[string, Partial<VisaRegistrationProps>, RegExp]>([
  ["a name of 251 characters", { name: "x".repeat(251) }, /name has 251 characters; VISA takes at most 250/],
  ["an empty name", { name: "" }, /no empty name/],
  ["a version of 101", { version: "x".repeat(101) }, /version has 101/],
  ["a description without room for its last line", { description: "x".repeat(2490) }, /description has 25\d\d.*2500/],
  ["an icon of 101", { icon: "x".repeat(101) }, /icon has 101/],
  ["an autologin of 256", { autologin: "x".repeat(256) }, /autologin has 256/],
  ["a boot command of 16,001 UTF-16 units", { bootCommand: "𝒳".repeat(8001) }, /boot command has 16002.*16000/],
  ["a default desktop that is no protocol of it", { defaultDesktop: "WEBX" }, /"WEBX" is not among the protocols/],
  ["a default desktop that is none", { defaultDesktop: "RDP" }, /"RDP" is no desktop/],
  ["a secondary one that is no protocol of it", { secondaryDesktop: "WEBX" }, /secondary desktop "WEBX"/],
  [
    "JUPYTER where the template does not promise it",
    { protocols: ["GUACD", "JUPYTER"] },
    /PARTIALLY_ACTIVE[\s\S]*jupyter/,
  ],
  ["WEBX, which nothing promises", { protocols: ["GUACD", "WEBX"] }, /PARTIALLY_ACTIVE[\s\S]*uncheckedProtocols/],
  ["WEBX without VISA's login", { uncheckedProtocols: ["WEBX"], autologin: "" }, /WEBX opens no desktop/],
  ["no desktop at all", { protocols: [] }, /none of the protocols is a desktop/],
  ["an unknown protocol", { protocols: ["VNC" as "RDP"] }, /no protocol "VNC"/],
  ["no flavour", { plans: { flavours: [] } }, /no user would be offered/],
  ["a flavour twice", { plans: { flavours: ["a", "a"] } }, /"a" is listed twice/],
  ["a preset that is not listed", { plans: { flavours: ["a"], preset: "b" } }, /preset "b"/],
  ["an image of which nothing is known", { image: ID, name: "x" }, /nothing says what the image answers on/],
])("fails at synth for %s", (_what, props, message) => {
  expect(() => register(props)).toThrow(message);
});

test("fails at synth for what only Terraform knows", () => {
  const stack = newStack();
  const image = addImage(stack, { specification: promising("desktop") });
  const name = new TerraformVariable(stack, "name", { type: "string" }).stringValue;
  expect(() => new VisaRegistration(stack, "general", { image, name })).toThrow('"name" is a token');
});

test("a boot command that is refused is not shown", () => {
  const bootCommand = `#!/bin/bash\npassword=s3cret\n${"x".repeat(16_000)}`;
  expect(() => register({ bootCommand })).toThrow(expect.not.stringContaining("s3cret") as unknown as string);
});

test("the example of docs/visa.md is synthesized, and its ports follow from its protocols", () => {
  const folder = scratchFolder();
  process.env.CDKTF_OUTDIR = folder;
  try {
    jest.isolateModules(() => require(join(packageRoot(), "examples", "visa", "main")));
  } finally {
    delete process.env.CDKTF_OUTDIR;
  }
  const { resource } = JSON.parse(readFileSync(join(folder, "stacks", "desktops", "cdk.tf.json"), "utf8"));
  expect(resource.terraform_data["general-in-visa_in_visa"].triggers_replace).toMatchObject({
    channel: "candidate",
    protocols: "GUACD RDP JUPYTER",
    plans: "Small (preset), Large",
  });
  const rules: { port_range_min: number }[] = Object.values(resource.openstack_networking_secgroup_rule_v2);
  expect(rules.map((rule) => rule.port_range_min).sort()).toEqual([3389, 4822, 8888, 8888]);
});
