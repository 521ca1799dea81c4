/** What a user gets: the packed tarball, in a project that has nothing else. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../lib/package-root";
import { scratchFolder } from "../support/scratch";
import { install, packInto, runIn } from "./support";

jest.setTimeout(300_000);

// A space in the path has to do no harm.
const project = join(scratchFolder(), "my project");
const root = packageRoot();

function run(command: string, args: readonly string[], folder = project): string {
  return runIn(folder, command, args);
}

function version(name: string): string {
  return `${name}@${JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version}`;
}

beforeAll(() => {
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, "package.json"), '{ "name": "consumer", "private": true }\n');
  const tarball = packInto(project);
  install(project, [`./${tarball}`, ...["cdktf", "constructs", "typescript", "tsx", "@types/node"].map(version)]);
});

const APP = `
import { App, TerraformStack } from "cdktf";
import { VisaImage } from "cdktf-visa-images";
import { type LayerSpecification, readLock } from "cdktf-visa-images/advanced";
import { ImagesImageV2 } from "cdktf-visa-images/openstack/images-image-v2";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const stack = new TerraformStack(new App({ outdir: "cdktf.out" }), "mine");
new OpenstackProvider(stack, "openstack");
const { image } = new VisaImage(stack, "desktop", { template: "visa-apps" }).release;
const native: ImagesImageV2 = image;
const none: readonly LayerSpecification[] = [];
console.log(native.friendlyUniqueId, Object.keys(readLock("none.json").images).length + none.length);
(stack.node.root as App).synth();
`;

test("compiles and synthesizes a stack of its templates in an empty project", () => {
  writeFileSync(join(project, "app.ts"), APP);
  run("npx", ["tsc", "--strict", "--target", "es2022", "--module", "node16", "--moduleResolution", "node16", "app.ts"]);
  expect(run("node", ["app.js"])).toMatch(/^desktop_[0-9a-f]{12} 0\n$/);
  const json = JSON.parse(readFileSync(join(project, "cdktf.out", "stacks", "mine", "cdk.tf.json"), "utf8"));
  expect(json.resource.terraform_data["layer_visa-apps"].provisioner[0]["local-exec"].command).toMatch(
    /^exec env VISA_PROJECT_FOLDER=\.\.\/\.\.\/\.\. node \.\.\/\.\.\/\.\.\/node_modules\/cdktf-visa-images\/dist\/lib\/cli\/main\.js build --sign-in --specification /,
  );
});

test("compiles and synthesizes the README's example, which is examples/readme/main.ts", () => {
  const example = readFileSync(join(root, "examples", "readme", "main.ts"), "utf8");
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`\`\`\`ts\n${example}\`\`\``);
  writeFileSync(join(project, "readme.ts"), example);
  cpSync(join(root, "examples", "facility-layer"), join(project, "facility"), { recursive: true });
  const options = ["--strict", "--target", "es2022", "--module", "node16", "--moduleResolution", "node16"];
  run("npx", ["tsc", ...options, "readme.ts"]);
  run("node", ["readme.js"]);
  const json = JSON.parse(readFileSync(join(project, "cdktf.out", "stacks", "desktops", "cdk.tf.json"), "utf8"));
  const images = Object.values(json.resource.openstack_images_image_v2) as { name: string; disk_format: string }[];
  expect(images.map(({ name, disk_format }) => `${name} ${disk_format}`)).toEqual([
    "VISA desktop raw",
    "my-apps qcow2",
  ]);
});

test("makes a new project that synthesizes as it is", () => {
  run("npx", ["visa-image", "init", "new project"]);
  const made = join(project, "new project");
  // What `npm install` would put there is in the folder above.
  const { app } = JSON.parse(readFileSync(join(made, "cdktf.json"), "utf8"));
  const [program, ...args] = app.split(" ");
  run(program, args, made);
  run("npx", ["tsc", "--project", "."], made);
  const json = JSON.parse(readFileSync(join(made, "cdktf.out", "stacks", "desktops", "cdk.tf.json"), "utf8"));
  expect(Object.keys(json.resource.terraform_data)).toContain("layer_my-apps");
  const explained = JSON.parse(run("npx", ["visa-image", "explain", "--catalog", "facility", "--json"], made));
  expect(explained[0].layers.map(({ name }: { name: string }) => name)).toEqual([
    "system-base",
    "visa-base",
    "my-apps",
  ]);
});

test("has its command", () => {
  expect(run("npx", ["visa-image", "--help"])).toMatch(/build.*lock/s);
});

test("holds nothing that editors, version control and Python leave behind", () => {
  const junk = [
    "__pycache__/x.cpython-311.pyc",
    ".x.swp",
    "x~",
    ".DS_Store",
    ".git/config",
    "#x#",
    ".#x",
    ".mypy_cache/x",
  ];
  const copy = join(scratchFolder(), "copy");
  for (const path of ["package.json", "LICENSE", "templates", "lib/packer/guest"]) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  for (const path of ["templates/visa-base/login", "lib/packer/guest", "templates"]) {
    for (const own of junk) {
      mkdirSync(join(copy, path, own, ".."), { recursive: true });
      writeFileSync(join(copy, path, own), "");
    }
  }
  const [{ files }] = JSON.parse(run("npm", ["pack", "--json", "--dry-run", "--ignore-scripts"], copy));
  const paths = files.map((file: { readonly path: string }) => file.path);
  expect(paths).toContain("templates/config.yml");
  expect(paths.filter((path: string) => junk.some((own) => path.endsWith(own)))).toEqual([]);
});

test("holds no tests, no sources of the bindings, and no notes of the compiler", () => {
  const [{ files }] = JSON.parse(run("npm", ["pack", "--json", "--dry-run", "--ignore-scripts"], root));
  const paths = files.map((file: { readonly path: string }) => file.path);
  expect(paths.filter((path: string) => /tsbuildinfo$|(^|\/)test\/|openstack\/src\//.test(path))).toEqual([]);
  expect(paths).toContain("LICENSE");
});

describe("a clone that nobody has compiled", () => {
  const clone = join(project, "..", "clone");
  beforeAll(() => {
    mkdirSync(clone);
    const own = ["cdktf.json", "stacks", "lib", "templates", "package.json", "README.md", "LICENSE"];
    for (const name of [...own, "tsconfig.json", "tsconfig.base.json"]) {
      cpSync(join(root, name), join(clone, name), { recursive: true });
    }
    symlinkSync(realpathSync(join(root, "node_modules")), join(clone, "node_modules"));
  });

  function synthesize(): { status: number | null; text: string } {
    const { status, stdout, stderr } = spawnSync("npx", ["--no-install", "cdktf", "synth"], {
      cwd: clone,
      encoding: "utf8",
    });
    return { status, text: `${stdout}${stderr}` };
  }

  test("fails to synthesize with the one command that mends it", () => {
    const { status, stderr } = spawnSync("node", ["--import", "tsx", "stacks/main.ts"], {
      cwd: clone,
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "visa-images: this clone is not compiled\n  fix: npm run build\n",
    });
    // cdktf has an exit status of its own.
    const told = synthesize();
    expect(told.text).toMatch(/visa-images: this clone is not compiled\s+fix: npm run build\n/);
    expect(told.status).toBe(1);
  });

  test("synthesizes once it has what the build makes", () => {
    cpSync(join(root, "dist"), join(clone, "dist"), { recursive: true });
    const bindings = realpathSync(join(root, "node_modules", "@cdktf", "provider-openstack"));
    cpSync(join(bindings, "lib"), join(clone, "providers", "openstack", "lib"), { recursive: true });
    const { status, text } = synthesize();
    expect(text).toContain("Generated Terraform code for the stacks: visa-image, visa-infrastructure");
    expect(status).toBe(0);
  });

  test("packs what it has built", () => {
    rmSync(join(clone, "dist"), { recursive: true });
    const file = join(clone, "package.json");
    const own = JSON.parse(readFileSync(file, "utf8"));
    own.scripts.build = "mkdir -p dist/lib && touch dist/lib/index.js";
    delete own.bundleDependencies;
    writeFileSync(file, JSON.stringify(own));
    expect(run("npm", ["pack", "--dry-run", "--loglevel", "notice", "--json"], clone)).toContain('"dist/lib/index.js"');
  });
});
