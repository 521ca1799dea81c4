import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { LayerBuild } from "../../lib/constructs/layer-build";
import type { BuildSpecification, LayerSpecification } from "../../lib/specification";
import { addImage, chain, newStack, specificationOf, synthesized, synthesizedFolder } from "./support";

test("has one resource per layer, each after its parent, at addresses that are a contract", () => {
  const stack = newStack();
  LayerBuild.chain(stack, { specification: chain() });
  const { terraform_data: layers } = synthesized(stack).resource;
  expect(Object.keys(layers)).toEqual(["layer_system-base", "layer_visa-apps", "layer_visa-base"]);
  expect(layers["layer_system-base"].depends_on).toBeUndefined();
  expect(layers["layer_visa-base"].depends_on).toEqual(["terraform_data.layer_system-base"]);
  expect(layers["layer_visa-apps"].depends_on).toEqual(["terraform_data.layer_visa-base"]);
});

test("has the fingerprint and each input among its triggers, and nothing of the machine that builds", () => {
  const stack = newStack();
  const specification = chain({ cpus: 16 });
  LayerBuild.chain(stack, { specification });
  const { "layer_visa-apps": layer } = synthesized(stack).resource.terraform_data;
  expect(layer.triggers_replace).toEqual({
    fingerprint: specification.layers[2]?.fingerprint,
    parent: specification.layers[1]?.fingerprint.slice(0, 12),
    "scripts/jupyter.sh": "77b2c0ffee00 0755",
    "variable language": "en",
  });
});

test("stages what code says of the machine that builds, with each layer", () => {
  const stack = newStack();
  const specification = { ...chain(), machine: { preset: "production" as const } };
  LayerBuild.chain(stack, { specification });
  const { folder } = synthesizedFolder(stack);
  for (const { name, fingerprint } of specification.layers) {
    const file = join(folder, "stacks", "images", "specifications", `${name}-${fingerprint.slice(0, 12)}.json`);
    expect(JSON.parse(readFileSync(file, "utf8")).machine).toEqual({ preset: "production" });
  }
});

test("tells each build of what the stack builds on it, once, and of nothing that is left as it is", () => {
  const later = (held: boolean) => {
    const stack = newStack();
    LayerBuild.chain(stack, { specification: chain() });
    const { version, layers } = chain();
    const other = { ...(layers[2] as LayerSpecification), name: "other", fingerprint: "f".repeat(64) };
    LayerBuild.chain(stack, { specification: { version, layers: [...layers.slice(0, 2), other] }, held });
    const { folder } = synthesizedFolder(stack);
    return [...layers, other].map(({ name, fingerprint }) => {
      const file = join(folder, "stacks", "images", "specifications", `${name}-${fingerprint.slice(0, 12)}.json`);
      const specification = JSON.parse(readFileSync(file, "utf8")) as BuildSpecification;
      return specification.later?.map((layer) => layer.name);
    });
  };
  expect(later(false)).toEqual([["visa-base", "visa-apps", "other"], ["visa-apps", "other"], undefined, undefined]);
  expect(later(true)).toEqual([["visa-base", "visa-apps"], ["visa-apps"], undefined, undefined]);
});

test("takes layers from Glance where one of the images that share them says so, and plans nothing else for it", () => {
  const lockFile = join(process.cwd(), "visa-images.lock.json");
  const synth = (...parentsFromGlance: boolean[]) => {
    const stack = newStack();
    const provider = new OpenstackProvider(stack, "ours", { alias: "ours", cloud: "ours" });
    const specifications = [chain(), { version: 1 as const, layers: chain().layers.slice(0, 2) }];
    for (const [i, each] of parentsFromGlance.entries()) {
      const specification = { ...(specifications[i] ?? chain()), ...(each && { parentsFromGlance: { lockFile } }) };
      LayerBuild.chain(stack, { specification, provider });
    }
    return synthesizedFolder(stack);
  };
  const plain = synth(false, false);
  const { folder, json } = synth(false, true);
  const stacks = join(folder, "stacks", "images");
  const [base, , apps] = chain().layers.map(({ name, fingerprint }) =>
    JSON.parse(readFileSync(join(stacks, "specifications", `${name}-${fingerprint.slice(0, 12)}.json`), "utf8")),
  );
  expect(resolve(stacks, "specifications", base.parentsFromGlance.lockFile)).toBe(lockFile);
  expect(base.parentsFromGlance.lockFile).not.toMatch(/^\//);
  expect(apps.parentsFromGlance).toBeUndefined();

  const { terraform_data: layers } = json.resource;
  expect(layers["layer_visa-base"].provisioner[0]["local-exec"].environment).toEqual({ OS_CLOUD: "ours" });
  for (const [name, layer] of Object.entries<{ triggers_replace: object }>(layers)) {
    expect(layer.triggers_replace).toEqual(plain.json.resource.terraform_data[name].triggers_replace);
  }
});

test("runs the package's own command by a relative path", () => {
  const stack = newStack();
  LayerBuild.chain(stack, { specification: chain() });
  const { "layer_visa-base": layer } = synthesized(stack).resource.terraform_data;
  const fingerprint = chain().layers[1]?.fingerprint.slice(0, 12);
  expect(layer.provisioner).toEqual([
    {
      "local-exec": {
        command: expect.stringMatching(
          `^exec env VISA_PROJECT_FOLDER=(\\.\\./)*\\S+ node (\\.\\./)+\\S*dist/lib/cli/main\\.js build --specification specifications/visa-base-${fingerprint}\\.json$`,
        ),
      },
    },
  ]);
});

test("leaves what looks like a template of Terraform's in an input as it is", () => {
  const stack = newStack();
  const inputs = { "variable greeting": "${HOME} %{if} $5", "files/${x}.txt": "0123456789ab 0644" };
  LayerBuild.chain(stack, { specification: specificationOf({ name: "one", inputs }) });
  expect(synthesized(stack).resource.terraform_data.layer_one.triggers_replace).toMatchObject({
    "variable greeting": "$${HOME} %%{if} $5",
    "files/$${x}.txt": "0123456789ab 0644",
  });
});

test("stages the chain up to each layer, and the output with the last one only", () => {
  const stack = newStack();
  addImage(stack);
  const { folder } = synthesizedFolder(stack);
  const staged = chain().layers.map(({ name, fingerprint }): BuildSpecification => {
    const file = join(folder, "stacks", "images", "specifications", `${name}-${fingerprint.slice(0, 12)}.json`);
    return JSON.parse(readFileSync(file, "utf8"));
  });
  expect(staged.map(({ layers }) => layers.length)).toEqual([1, 2, 3]);
  expect(staged.map(({ output }) => output)).toEqual([
    undefined,
    undefined,
    { format: "raw", path: `../images/visa-apps-${chain().layers[2]?.fingerprint.slice(0, 12)}.raw`, minDiskGb: 20 },
  ]);
});

test("names its sources relative to the staged file", () => {
  const stack = newStack();
  const specification = specificationOf({ name: "one" });
  const [layer] = specification.layers;
  const file = { path: "scripts/a.sh", source: join(__dirname, "a.sh"), mode: 0o755, sha256: "0" };
  const layers = [{ ...(layer as NonNullable<typeof layer>), files: [file] }];
  LayerBuild.chain(stack, { specification: { ...specification, layers } });
  const { folder } = synthesizedFolder(stack);
  const directory = join(folder, "stacks", "images", "specifications");
  const staged = JSON.parse(readFileSync(join(directory, `one-${layer?.fingerprint.slice(0, 12)}.json`), "utf8"));
  expect(staged.layers[0].files[0].source).toMatch(/^\.\.\//);
  expect(join(directory, staged.layers[0].files[0].source)).toBe(file.source);
});

test("is there once for two images with the same parents", () => {
  const stack = newStack();
  addImage(stack);
  const [system, base] = chain().layers;
  const parents = { version: 1, layers: [system, base] } as BuildSpecification;
  addImage(stack, { specification: parents }, "visa-base");
  const { terraform_data: resources } = synthesized(stack).resource;
  const layers = Object.keys(resources).filter((name) => name.startsWith("layer_"));
  expect(layers).toEqual(["layer_system-base", "layer_visa-apps", "layer_visa-base"]);
  expect(resources["layer_visa-base"].triggers_replace["disk format"]).toBe("raw");
});

test("has an address of its own for another variant of a template", () => {
  const stack = newStack();
  addImage(stack, {}, "english");
  addImage(stack, { specification: chain({ script: "333333333333 0755" }) }, "french");
  addImage(stack, { diskFormat: "qcow2" }, "small");
  const names = Object.keys(synthesized(stack).resource.terraform_data);
  expect(names.filter((name) => name.startsWith("layer_"))).toEqual([
    "layer_system-base",
    "layer_visa-apps",
    "layer_visa-apps_french",
    "layer_visa-apps_small",
    "layer_visa-base",
  ]);
});

test("fails where a second variant has no name", () => {
  const stack = newStack();
  LayerBuild.chain(stack, { specification: chain() });
  expect(() => LayerBuild.chain(stack, { specification: chain({ script: "333333333333 0755" }) })).toThrow(
    'the stack "images" builds another variant of the template "visa-apps"',
  );
});
