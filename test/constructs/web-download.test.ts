/** An image that Glance fetches: what stands around it, and that a stack without it is what it was. */
import { join } from "node:path";
import { TerraformVariable } from "cdktf";
import { scratchFolder } from "../support/scratch";
import { addImage, newStack, synthesized } from "./support";

const DIGITS = "5c329d84cf97";
const webDownload = { folder: "www", url: "https://www.example.org/images/" };
const lockFile = join(scratchFolder(), "visa-images.lock.json");

// biome-ignore lint/suspicious/noExplicitAny: Terraform's JSON has no type of its own
function resourcesOf(props: Parameters<typeof addImage>[1]): any {
  const stack = newStack();
  addImage(stack, { lockFile, ...props });
  return synthesized(stack).resource;
}

const commandOf = (resource: { provisioner: Record<string, { command: string }>[] }) =>
  resource.provisioner[0]?.["local-exec"]?.command;

test("the disk is put there after the gate, fetched from there, and compared before the image is shown", () => {
  const { terraform_data: data, openstack_images_image_v2: images } = resourcesOf({ webDownload });
  const [served, fetched] = [data[`visa-apps_${DIGITS}_served`], data[`visa-apps_${DIGITS}_fetched`]];
  expect(served.depends_on).toEqual(["terraform_data.visa-apps_verified"]);
  expect(commandOf(served)).toMatch(
    new RegExp(`web-download put --disk (images/visa-apps-\\S+\\.raw) --to \\S+/www/visa-apps-${DIGITS}\\.raw --url `),
  );
  expect(fetched.depends_on).toEqual([`terraform_data.visa-apps_${DIGITS}_served`]);
  // What the provider waits for a disk of 20 GiB.
  expect(commandOf(fetched)).toMatch(/ watch .*--limit 21720$/);
  const image = images[`visa-apps_${DIGITS}`];
  expect(image).toMatchObject({ web_download: true, disk_format: "raw" });
  expect(image).not.toHaveProperty("local_file_path");
  expect(image.image_source_url).toContain(`"https://www.example.org/images/visa-apps-${DIGITS}.raw"`);
  expect(image.image_source_url).toContain(`terraform_data.visa-apps_${DIGITS}_served.id`);
  const registered = data[`visa-apps_${DIGITS}_registered`];
  expect(registered.depends_on).toEqual([`terraform_data.visa-apps_${DIGITS}_fetched`]);
  expect(commandOf(registered)).toMatch(/--gate \S+ --sent images\/\S+\.raw --served \S+\.raw$/);
});

test("without it nothing of a stack is other than it was", () => {
  const [without, withIt] = [resourcesOf({}), resourcesOf({ webDownload })];
  expect(Object.keys(withIt.terraform_data).filter((name) => !(name in without.terraform_data))).toEqual([
    `visa-apps_${DIGITS}_fetched`,
    `visa-apps_${DIGITS}_served`,
  ]);
  const registered = `visa-apps_${DIGITS}_registered`;
  expect(commandOf(without.terraform_data[registered])).not.toContain("--sent");
  for (const name of Object.keys(without.terraform_data).filter((each) => each !== registered)) {
    expect(withIt.terraform_data[name]).toEqual(without.terraform_data[name]);
  }
});

test("where an image came from changes none that exists: neither is planned again by the other", () => {
  for (const props of [{}, { webDownload }]) {
    const image = resourcesOf(props).openstack_images_image_v2[`visa-apps_${DIGITS}`];
    expect(image.lifecycle.ignore_changes).toEqual(
      expect.arrayContaining(["local_file_path", "image_source_url", "web_download", "disk_format"]),
    );
  }
});

test.each([
  [{ folder: "", url: "https://www.example.org" }, '"webDownload.folder" is empty'],
  [{ folder: "www", url: "www.example.org" }, '"webDownload.url" is "www.example.org", expected the http or https'],
  [{ folder: "www", url: "ftp://www.example.org" }, "expected the http or https address"],
  [{ folder: "www", url: "https://ada:secret@www.example.org" }, '"webDownload.url" has credentials in it'],
])("fails for %j", (props, message) => {
  expect(() => addImage(newStack(), { webDownload: props })).toThrow(message);
});

test("fails for an address that only Terraform knows, and beside a signature of the bytes that are uploaded", () => {
  const stack = newStack();
  const url = new TerraformVariable(stack, "url", {}).stringValue;
  expect(() => addImage(stack, { webDownload: { folder: "www", url } })).toThrow('"webDownload.url" is a token');
  expect(() => addImage(newStack(), { webDownload, signatureCertificateUuid: "a" })).toThrow(
    "leave out one of the two",
  );
});
