/**
 * Signing in, provider and `visa-image doctor` side by side with the same environment in the same folder: what signs the
 * one in signs the other in, and what does not fails in both, with a word that helps. A real Keystone and Glance, behind
 * TLS with a private authority and behind a proxy too.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { examineCloud } from "../../lib/cli/doctor-command";
import { type Authority, certify, makeAuthority } from "../support/certificate-authority";
import { type Running, running, type SiteProxy, startProxy, startTls } from "../support/proxies";
import { cloudEnvironmentOf, TerraformFolder } from "./terraform-support";

jest.setTimeout(300_000);

type Environment = Record<string, string>;

const scratch = mkdtempSync(join(tmpdir(), "visa-images-test-"));
const cloud = new EmbeddedCloud(join(scratch, "cloud"));
const folder = join(scratch, "stack");
const closing: (() => Promise<unknown>)[] = [];
let terraform: TerraformFolder;
let authority: Authority;
let other: Authority;
let proxy: SiteProxy;
/** Keystone's port, plain, behind TLS, and where a page is. */
let port: { keystone: number; secure: number; page: number };
let operator: { password: string; id: string; project: string; token: string; application: [string, string] };

/** What an openrc would say, with changes. */
const openrc = (changes: Environment = {}): Environment => ({
  OS_AUTH_URL: `http://127.0.0.1:${port.keystone}/v3`,
  OS_USERNAME: "operator",
  OS_PASSWORD: operator.password,
  OS_PROJECT_NAME: "visa",
  OS_USER_DOMAIN_NAME: "Default",
  OS_PROJECT_DOMAIN_NAME: "Default",
  ...changes,
});
const secureAddress = (host = "127.0.0.1") => `https://${host}:${port.secure}/v3`;
const without = (environment: Environment, ...names: string[]): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !names.includes(name)));
/** An entry of clouds.yaml called `ours`, as lines of YAML. */
const entry = (lines = "", auth = "password: PASSWORD") => `clouds:
  ours:
    auth:
      auth_url: AUTH_URL
      username: operator
      project_name: visa
      user_domain_name: Default
      project_domain_name: Default
      ${auth}
    ${lines}
`;
/** Fills in what is known only once the cloud runs. */
const filled = (text: string) =>
  text
    .replaceAll("PASSWORD", operator.password)
    .replaceAll("SECURE_URL", secureAddress())
    .replaceAll("AUTH_URL", `http://127.0.0.1:${port.keystone}/v3`)
    .replaceAll("USER_ID", operator.id)
    .replaceAll("PROJECT_ID", operator.project)
    .replaceAll("CA_FILE", authority.file);

interface Case {
  readonly environment: () => Environment;
  /** Files of the folder that both run in. */
  readonly files?: Readonly<Record<string, string>>;
  /** What ours says where both fail @default - both sign in */
  readonly fails?: RegExp;
}

const yaml = (text: string, changes: Environment = {}, files: Record<string, string> = {}): Case => ({
  environment: () => ({ OS_CLOUD: "ours", ...changes }),
  files: { "clouds.yaml": text, ...files },
});
const failing = (each: Case, fails: RegExp): Case => ({ ...each, fails });

const cases: Readonly<Record<string, Case>> = {
  "an openrc": { environment: () => openrc() },
  OS_TENANT_NAME: { environment: () => ({ ...without(openrc(), "OS_PROJECT_NAME"), OS_TENANT_NAME: "visa" }) },
  "an address without a version": { environment: () => openrc({ OS_AUTH_URL: `http://127.0.0.1:${port.keystone}` }) },
  "no domains: the provider's default is the id default": {
    environment: () => without(openrc(), "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME"),
  },
  "a project by id": {
    environment: () => ({ ...without(openrc(), "OS_PROJECT_NAME"), OS_PROJECT_ID: operator.project }),
  },
  OS_AUTH_TOKEN: {
    environment: () => ({
      ...without(openrc(), "OS_USERNAME", "OS_PASSWORD", "OS_USER_DOMAIN_NAME"),
      OS_AUTH_TOKEN: operator.token,
    }),
  },
  "OS_TOKEN beside a user and a password": { environment: () => openrc({ OS_TOKEN: operator.token }) },
  "an application credential": {
    environment: () => ({
      OS_AUTH_URL: openrc().OS_AUTH_URL as string,
      OS_APPLICATION_CREDENTIAL_ID: operator.application[0],
      OS_APPLICATION_CREDENTIAL_SECRET: operator.application[1],
    }),
  },
  "an application credential by name": {
    environment: () => ({
      ...without(openrc(), "OS_PASSWORD", "OS_PROJECT_NAME", "OS_PROJECT_DOMAIN_NAME"),
      OS_APPLICATION_CREDENTIAL_NAME: "ours",
      OS_APPLICATION_CREDENTIAL_SECRET: operator.application[1],
    }),
  },
  "a region": { environment: () => openrc({ OS_REGION_NAME: "RegionOne" }) },
  "the second region": { environment: () => openrc({ OS_REGION_NAME: "North" }) },
  "the internal interface": { environment: () => openrc({ OS_ENDPOINT_TYPE: "internalURL" }) },

  "OS_CACERT, a file": { environment: () => openrc({ OS_AUTH_URL: secureAddress(), OS_CACERT: authority.file }) },
  "OS_CACERT, the certificate's text": {
    environment: () => openrc({ OS_AUTH_URL: secureAddress(), OS_CACERT: authority.cert }),
  },
  "OS_CACERT below the home": {
    environment: () => openrc({ OS_AUTH_URL: secureAddress(), OS_CACERT: "~/authority.pem", HOME: scratch }),
  },
  "cacert below the home in clouds.yaml": {
    environment: () => ({ OS_CLOUD: "ours", HOME: scratch }),
    files: { "clouds.yaml": entry("cacert: ~/authority.pem").replace("AUTH_URL", "SECURE_URL") },
  },
  "an authority of the system": {
    environment: () => openrc({ OS_AUTH_URL: secureAddress(), SSL_CERT_FILE: authority.file }),
  },
  OS_INSECURE: { environment: () => openrc({ OS_AUTH_URL: secureAddress(), OS_INSECURE: "true" }) },
  HTTP_PROXY: {
    environment: () =>
      openrc({
        OS_AUTH_URL: `http://cloud.test:${port.keystone}/v3`,
        HTTP_PROXY: `http://127.0.0.1:${proxy.port}`,
      }),
  },
  HTTPS_PROXY: {
    environment: () =>
      openrc({
        OS_AUTH_URL: secureAddress("cloud.test"),
        OS_CACERT: authority.file,
        https_proxy: `127.0.0.1:${proxy.port}`,
        NO_PROXY: "10.0.0.0/8,other.test",
      }),
  },

  "clouds.yaml": yaml(entry()),
  "clouds.yml": { environment: () => ({ OS_CLOUD: "ours" }), files: { "clouds.yml": entry() } },
  "clouds.yaml named by OS_CLIENT_CONFIG_FILE": {
    environment: () => ({ OS_CLOUD: "ours", OS_CLIENT_CONFIG_FILE: join(folder, "elsewhere", "mine.yaml") }),
    files: { "elsewhere/mine.yaml": entry() },
  },
  "clouds.yaml and OS_PASSWORD": {
    environment: () => ({ OS_CLOUD: "ours", OS_PASSWORD: operator.password }),
    files: { "clouds.yaml": entry("", "") },
  },
  "clouds.yaml and OS_INSECURE": {
    environment: () => ({ OS_CLOUD: "ours", OS_INSECURE: "true" }),
    files: { "clouds.yaml": entry().replace("AUTH_URL", "SECURE_URL") },
  },
  "verify: no": yaml(entry("verify: no").replace("AUTH_URL", "SECURE_URL")),
  "secure.yaml": yaml(entry("", ""), {}, { "secure.yaml": "clouds: {ours: {auth: {password: PASSWORD}}}" }),
  "a profile of clouds-public.yaml": yaml(
    "clouds: {ours: {profile: site, auth: {username: operator, password: PASSWORD, project_name: visa}}}",
    {},
    {
      "clouds-public.yaml":
        "public-clouds: {site: {auth: {auth_url: AUTH_URL, user_domain_name: Default, project_domain_name: Default}}}",
    },
  ),
  "regions with values": yaml(
    "clouds: {ours: {auth: {username: operator, project_name: visa, user_domain_name: Default, project_domain_name: Default}, regions: [other, {name: RegionOne, values: {auth: {auth_url: AUTH_URL, password: PASSWORD}}}]}}",
    { OS_REGION_NAME: "RegionOne" },
  ),
  "anchors and merge keys": yaml(
    `base: &base {auth_url: AUTH_URL, user_domain_name: Default, project_domain_name: Default}\nclouds: {ours: {auth: {<<: *base, username: operator, password: PASSWORD, project_name: visa}}}`,
  ),
  "a password of digits": yaml(entry("", "password: 0042").replace("operator", "digits")),
  "a user by id in clouds.yaml": yaml(
    "clouds: {ours: {auth: {auth_url: AUTH_URL, user_id: USER_ID, password: PASSWORD, project_id: PROJECT_ID}}}",
  ),
  "interface in clouds.yaml, which the provider does not look at": yaml(entry("interface: admin")),

  "a wrong password": failing(
    { environment: () => openrc({ OS_PASSWORD: "wrong" }) },
    /answered 401.*fix: correct user/s,
  ),
  "no password": failing(
    { environment: () => without(openrc(), "OS_PASSWORD") },
    /neither a password.*fix: set OS_PASSWORD/s,
  ),
  "nothing at all": failing({ environment: () => ({}) }, /no address of Keystone.*fix: set OS_CLOUD/s),
  "a token without a project": failing(
    { environment: () => ({ OS_AUTH_URL: openrc().OS_AUTH_URL as string, OS_TOKEN: operator.token }) },
    /token without a project.*OS_PROJECT_ID/s,
  ),
  "user and project by id alone": failing(
    {
      environment: () => ({
        OS_AUTH_URL: openrc().OS_AUTH_URL as string,
        OS_USER_ID: operator.id,
        OS_PASSWORD: operator.password,
        OS_PROJECT_ID: operator.project,
      }),
    },
    /no user by id.*fix: set OS_USERNAME/s,
  ),
  "no project": failing(
    { environment: () => without(openrc(), "OS_PROJECT_NAME", "OS_PROJECT_DOMAIN_NAME") },
    /for no project.*OS_PROJECT_NAME/s,
  ),
  "no domains in clouds.yaml": failing(
    yaml(entry().replace(/ *(user|project)_domain_name.*\n/g, "")),
    /project "visa" has no domain.*project_domain_name/s,
  ),
  "an authority that nobody knows": failing(
    { environment: () => openrc({ OS_AUTH_URL: secureAddress() }) },
    /no authority that is trusted.*OS_CACERT=/s,
  ),
  "OS_CACERT in the place of the system's authorities": failing(
    {
      environment: () => openrc({ OS_AUTH_URL: secureAddress(), SSL_CERT_FILE: authority.file, OS_CACERT: other.file }),
    },
    /no authority that is trusted.*in the place of all the system's/s,
  ),
  "OS_CACERT that is not there": failing(
    { environment: () => openrc({ OS_AUTH_URL: secureAddress(), OS_CACERT: "certs/none.pem" }) },
    /OS_CACERT is neither a file nor a certificate in PEM: "certs\/none.pem".*fix/s,
  ),
  "http where Keystone speaks https": failing(
    { environment: () => openrc({ OS_AUTH_URL: secureAddress().replace("https", "http"), OS_CACERT: authority.file }) },
    /is it https|answered 400.*fix/s,
  ),
  "https where Keystone speaks http": failing(
    { environment: () => openrc({ OS_AUTH_URL: openrc().OS_AUTH_URL?.replace("http", "https") as string }) },
    /is it http:/,
  ),
  "a page in the place of Keystone": failing(
    { environment: () => openrc({ OS_AUTH_URL: `http://127.0.0.1:${port.page}/v3` }) },
    /not with JSON.*Welcome to the dashboard.*fix.*dashboard/s,
  ),
  "a page in the place of Keystone's versions": failing(
    { environment: () => openrc({ OS_AUTH_URL: `http://127.0.0.1:${port.page}/` }) },
    /not with JSON.*Welcome to the dashboard.*fix.*dashboard/s,
  ),
  "a host that only a proxy knows, without it": failing(
    { environment: () => openrc({ OS_AUTH_URL: `http://cloud.test:${port.keystone}/v3` }) },
    /cannot reach "http:\/\/cloud.test:.*HTTPS_PROXY/s,
  ),
  "a region that is not there": failing(
    { environment: () => openrc({ OS_REGION_NAME: "South" }) },
    /in the region "South".*OS_REGION_NAME/s,
  ),
  "an interface that is none": failing(
    { environment: () => openrc({ OS_ENDPOINT_TYPE: "outside" }) },
    /OS_ENDPOINT_TYPE is "outside"/,
  ),
  "OS_INSECURE=yes": failing(
    { environment: () => openrc({ OS_INSECURE: "yes" }) },
    /OS_INSECURE is "yes".*OS_INSECURE=true/s,
  ),
  "a cloud that clouds.yaml has not": failing(
    yaml(entry(), { OS_CLOUD: "theirs" }),
    /"theirs".*is not to be found in/s,
  ),
  "no clouds.yaml": failing({ environment: () => ({ OS_CLOUD: "ours" }) }, /no clouds.yaml in.*OS_CLIENT_CONFIG_FILE/s),
  "a profile that is nowhere": failing(yaml(entry("profile: site")), /profile "site"/),
  "version 2": failing({ environment: () => openrc({ OS_IDENTITY_API_VERSION: "2" }) }, /version 2 of Keystone/),
};

beforeAll(async () => {
  await cloud.start();
  const { services } = await cloud.status();
  const portOf = (name: "keystone" | "glance") => Number(new URL(services?.[name].endpoint as string).port);
  const plain = { keystone: portOf("keystone"), glance: portOf("glance") };
  authority = makeAuthority(scratch);
  other = makeAuthority(scratch, "other");
  const certificate = certify(authority, ["127.0.0.1", "cloud.test"]);
  const glance = await startTls({ port: plain.glance }, certificate);
  const keystone = await startTls({ port: plain.keystone }, certificate, (text) =>
    text
      .replaceAll(`http://127.0.0.1:${plain.glance}`, `https://127.0.0.1:${glance.port}`)
      .replaceAll(`http://127.0.0.1:${plain.keystone}`, `https://127.0.0.1:${keystonePort()}`),
  );
  const keystonePort = (): number => keystone.port;
  const page: Running = await running(
    createServer((_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html><h1>Welcome to the dashboard</h1></html>"),
    ),
  );
  proxy = await startProxy();
  closing.push(...[glance, keystone, page, proxy].map((each) => () => each.close()));
  port = { keystone: plain.keystone, secure: keystone.port, page: page.port };

  const administrator = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...cloudEnvironmentOf(join(scratch, "cloud")) };
  const openstack = (environment: Environment, ...args: string[]) =>
    execFileSync("openstack", args, { env: { ...administrator, ...environment }, encoding: "utf8" }).trim();
  const value = (column: string) => ["-f", "value", "-c", column];
  const password = "only-for-this-test";
  const project = openstack({}, "project", "create", ...value("id"), "visa");
  const user = (name: string, secret: string) =>
    openstack({}, "user", "create", ...value("id"), "--password", secret, name);
  const id = user("operator", password);
  user("digits", "0042");
  for (const name of ["operator", "digits"])
    openstack({}, "role", "add", "--project", project, "--user", name, "member");
  openstack({}, "region", "create", "North");
  openstack({}, "endpoint", "create", "--region", "North", "image", "public", `http://127.0.0.1:${plain.glance}`);
  operator = { password, id, project, token: "", application: ["", ""] };
  const own = { OS_CLOUD: "", ...openrc() };
  operator.token = openstack(own, "token", "issue", ...value("id"));
  const secret = "only-for-this-application";
  const application = ["application", "credential", "create", ...value("id"), "--secret", secret, "ours"];
  operator.application = [openstack(own, ...application), secret];

  mkdirSync(folder);
  writeFileSync(
    join(folder, "main.tf"),
    `terraform {
  required_providers {
    openstack = { source = "terraform-provider-openstack/openstack" }
  }
}
data "openstack_images_image_ids_v2" "all" {}
`,
  );
  terraform = new TerraformFolder(folder, {});
});
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
  await cloud.reset();
  rmSync(scratch, { recursive: true, force: true });
});

test.each(Object.entries(cases))("%s", async (_, { environment, files = {}, fails }) => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), filled(text));
  }
  try {
    const own = environment();
    const plan = await terraform.start(["plan", "-input=false", "-lock=false"], own).ended;
    const doctor = await examineCloud({ HOME: process.env.HOME, ...own }, folder);
    const said = `provider: ${plan.text.slice(-1500)}\nours: ${doctor.found} fix: ${doctor.fix}`;
    expect({ provider: plan.status === 0, ours: doctor.status === "ok", said }).toEqual({
      provider: !fails,
      ours: !fails,
      said,
    });
    if (fails) expect(`${doctor.found} fix: ${doctor.fix}`).toMatch(fails);
    expect(said).not.toContain(operator.password);
  } finally {
    for (const name of Object.keys(files)) rmSync(join(folder, name));
  }
});
