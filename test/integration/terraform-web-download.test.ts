/** An image that Glance fetches: Terraform, the provider, Keystone, a Glance that converts, and a web server of the test. */
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { Glance, type GlanceImage } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import type { VisaImageProps } from "../../lib/constructs/visa-image-props";
import { readLock } from "../../lib/releases/release-lock";
import { addImage, chain } from "../constructs/support";
import { cloudEnvironmentOf, runVisaImage, TerraformFolder, type TerraformRun, useStandIn } from "./terraform-support";

jest.setTimeout(240_000);

const scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
const cloud = new EmbeddedCloud(join(scratch, "cloud"), { imports: true });
const environment = cloudEnvironmentOf(join(scratch, "cloud"));
const lockFile = join(scratch, "visa-images.lock.json");
const folder = join(scratch, "out", "stacks", "images");
const served = join(scratch, "www");
const first = chain();
const second = chain({ script: "222222222222 0755" });
const third = chain({ script: "333333333333 0755" });
/** What a GET is answered with in the place of the file. */
let instead: "failure" | string | undefined;
/** Mode of the file, for each GET. */
const fetched: string[] = [];
let server: Server;
let url: string;

beforeAll(async () => {
  await cloud.start();
  server = createServer((request, response) => {
    const file = join(served, decodeURIComponent(request.url ?? "").replace("/images/", ""));
    if (!existsSync(file)) return response.writeHead(404).end();
    const sent = request.method === "GET" && instead && instead !== "failure" ? instead : file;
    if (request.method === "GET") fetched.push((statSync(file).mode & 0o777).toString(8));
    if (request.method === "GET" && instead === "failure") return response.writeHead(500).end();
    response.writeHead(200, { "content-length": statSync(sent).size });
    return request.method === "HEAD" ? response.end() : createReadStream(sent).pipe(response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/images/`;
});
afterAll(async () => {
  server.close();
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

function synthesize(props: Partial<VisaImageProps>): TerraformFolder {
  const app = new App({ outdir: join(scratch, "out") });
  const stack = new TerraformStack(app, "images");
  new LocalBackend(stack, { path: "terraform.tfstate" });
  new OpenstackProvider(stack, "openstack");
  const diskFormat = "qcow2";
  addImage(stack, { lockFile, diskFormat, webDownload: { folder: served, url }, protected: false, ...props });
  app.synth();
  useStandIn(folder);
  return new TerraformFolder(folder, environment);
}

const OPTIONS = ["-input=false", "-compact-warnings"];

/** Beside the web server, which is in this process. */
function apply(terraform: TerraformFolder): Promise<TerraformRun> {
  return terraform.start(["apply", "-auto-approve", ...OPTIONS]).ended;
}

async function succeed(terraform: TerraformFolder): Promise<void> {
  const { status, text } = await apply(terraform);
  if (status !== 0) throw new Error(text);
}

async function images(): Promise<readonly GlanceImage[]> {
  return (await Glance.connect(credentialsFrom({ ...environment }))).images({ visa_image: "images/visa-apps" });
}

/** What a person reads, without the frames and line ends that Terraform puts into it. */
const words = (text: string) => text.replaceAll(/[\s│]+/g, " ");

/**
 * @fault cloud: the web server that Glance fetches from does not answer, or does not have the folder
 * @then the deploy stops before an image is made; nothing stays in the folder
 * @says `cannot reach "http://…"`, or `the web server answered 404`
 */
test("nothing is registered where the web server is away, or has another folder", async () => {
  const away = await apply(
    synthesize({ specification: first, webDownload: { folder: served, url: "http://127.0.0.1:9" } }),
  );
  expect(away.status).toBe(1);
  expect(away.text).toContain('cannot reach "http://127.0.0.1:9"');
  const other = await apply(synthesize({ specification: first, webDownload: { folder: served, url: `${url}other` } }));
  expect(words(other.text)).toContain("the web server answered 404");
  expect([await images(), readdirSync(served)]).toEqual([[], []]);
});

test("whoever looks on where nothing is fetched ends with Terraform's time limit, and stands in nobody's way", () => {
  const which = ["--image", "images/visa-apps", "--release", "0123456789ab", "--limit", "1"];
  const { status, text } = runVisaImage(["web-download", "watch", ...which], scratch, environment);
  expect([status, text]).toEqual([0, "images/visa-apps: release 0123456789ab is late\n"]);
});

/**
 * @fault cloud: Glance fails to fetch an image
 * @then the deploy ends in seconds, though the provider would wait for its time limit; the image is deleted, and the next deploy fetches it
 * @says `Glance could not fetch the image …`
 */
test("an import that fails ends the deploy, leaves no image, and is begun anew by the next one", async () => {
  instead = "failure";
  const started = Date.now();
  const failed = await apply(synthesize({ specification: first }));
  instead = undefined;
  expect(failed.status).toBe(1);
  expect(words(failed.text)).toContain("Glance could not fetch the image");
  expect(words(failed.text)).toMatch(/Error waiting for Image: .*not found/i);
  expect(Date.now() - started).toBeLessThan(60_000);
  expect(await images()).toEqual([]);

  await succeed(synthesize({ specification: first }));
});

test("what is sent is qcow2, what is stored is raw, and its bytes are those that passed the gate", async () => {
  const [image] = await images();
  expect(image).toMatchObject({ status: "active", disk_format: "raw", os_hidden: false });
  const raw = join(scratch, "raw");
  execFileSync("qemu-img", ["convert", "-O", "raw", join(folder, "images", diskName()), raw]);
  expect(execFileSync("sha512sum", [raw], { encoding: "utf8" })).toContain(String(image?.os_hash_value));
  expect(readLock(lockFile).images["images/visa-apps"]).toMatchObject([
    { imageId: image?.id, diskFormat: "raw", sha512: image?.os_hash_value },
  ]);
  // Read by another user than ours; gone by now.
  expect(new Set(fetched)).toEqual(new Set(["644"]));
  expect(readdirSync(served)).toEqual([]);
});

test("the next plan is empty, also where the disk is gone, and where the provider is to upload from now on", () => {
  rmSync(join(folder, "images"), { recursive: true });
  for (const props of [{}, { webDownload: undefined }]) {
    const text = synthesize({ specification: first, ...props }).run("plan", ...OPTIONS);
    expect(text).not.toMatch(/openstack_images_image_v2\S+ (will|must) be/);
    if (!("webDownload" in props)) expect(text).toContain("No changes.");
  }
});

/**
 * @fault cloud: Glance fetches other bytes than those that passed the gate
 * @then the image stays hidden, and the one in use is shown; once it is deleted the next deploy fetches it anew
 * @says `is not the disk that was verified`
 */
test("an image of other bytes is not shown", async () => {
  instead = join(scratch, "other.qcow2");
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", instead, "1M"]);
  const failed = await apply(synthesize({ specification: second }));
  instead = undefined;
  expect(failed.status).toBe(1);
  expect(words(failed.text)).toContain("is not the disk that was verified");
  const [shown, hidden] = await images();
  expect([shown?.os_hidden, hidden?.os_hidden, hidden?.disk_format]).toEqual([false, true, "raw"]);

  const glance = await Glance.connect(credentialsFrom({ ...environment }));
  await glance.delete(String(hidden?.id));
  await succeed(synthesize({ specification: second }));
  expect((await images()).map((each) => each.os_hidden)).toEqual([true, false]);
  expect(readdirSync(served)).toEqual([]);
  expect(synthesize({ specification: second }).run("plan", ...OPTIONS)).toContain("No changes.");
});

test("a raw disk goes the same way, without a gate too, and a review of the plan has nothing to judge", async () => {
  const terraform = synthesize({ specification: third, diskFormat: "raw", verify: false });
  terraform.run("plan", ...OPTIONS, "-out=plan");
  expect(terraform.review("plan")).toMatchObject({ verdict: "routine", losses: [], others: [] });
  await succeed(terraform);
  const newest = (await images()).at(-1);
  expect(newest).toMatchObject({ status: "active", disk_format: "raw", os_hidden: false });
  terraform.run("destroy", "-auto-approve", ...OPTIONS);
  expect((await images()).map(({ id }) => id)).not.toContain(newest?.id);
});

function diskName(): string {
  const name = readdirSync(join(folder, "images")).find((each) => each.endsWith(".qcow2"));
  expect(
    readFileSync(join(folder, "images", String(name)))
      .subarray(0, 3)
      .toString(),
  ).toBe("QFI");
  return String(name);
}
