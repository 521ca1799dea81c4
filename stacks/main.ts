/**
 * The app: `cdktf deploy visa-image`, and after it `cdktf deploy visa-infrastructure`: one after the other, since the
 * second looks up in Glance what the first registers.
 *
 * The cloud is the one of the `OS_*` variables, or of the clouds.yaml entry that OS_CLOUD names. The runner reads its own
 * variables when it builds (`npx visa-image build --help`), and templates read those that they declare. Also read:
 *
 * | variable | meaning | default |
 * |---|---|---|
 * | VISA_TEMPLATE | template whose disk becomes the image | visa-apps |
 * | VISA_CATALOG | folder of the catalog that has it | the package's |
 * | VISA_IMAGE_NAME | the image's name in Glance | the template's |
 * | VISA_IMAGE_VISIBILITY | private, shared, community or public | private |
 * | VISA_DISK_FORMAT | raw or qcow2 | raw |
 * | VISA_WEB_DOWNLOAD_FOLDER | folder that a web server serves, for Glance to fetch the disk from | it is uploaded |
 * | VISA_WEB_DOWNLOAD_URL | its address | |
 * | VISA_DISK_SIZE_GB | size of its disk: the template's variable disk_size_gb | the template's |
 * | VISA_VERIFY | whether the image is booted and checked before it is registered | true |
 * | VISA_BOOT_BUDGET | how much slower than the release in use it may boot: owner=0.25,ports=0.25,firstPicture=0.5 | as slow as it likes |
 * | VISA_ACCEPTANCE_FLAVOR | flavour of an instance that the cloud boots of a new release before it is shown | none is booted |
 * | VISA_ACCEPTANCE_NETWORK | its network | |
 * | VISA_ACCEPTANCE_FLOATING_IP_POOL | network that it has an address of, to be reached by | it is reached directly |
 * | VISA_PROTECTED | whether Glance refuses to delete the images | true |
 * | VISA_CACHE_FROM | glance: layers that the cache does not have come from there, where it has them | nowhere |
 * | VISA_RELEASE | release to go back to: 12 digits of the lock | the templates' own |
 * | VISA_CHANNEL | candidate or production: VISA's entry of the image is kept too (docs/visa.md) | no entry |
 * | VISA_CACHE_BUSTER | free text; another one asks for a new build | none |
 * | VISA_PAM_PUBLIC_KEY | PEM file of VISA's PAM public key, to bake in | none |
 * | VISA_LOCK_FILE | the lock of the releases | visa-images.lock.json |
 * | VISA_STATE_FOLDER | folder of Terraform's state files | the current one |
 * | VISA_STATE_BACKEND | local or pg: the states are files, or in a PostgreSQL database (PGHOST, … say which) | local |
 * | VISA_IMAGE_ID | image of the trial instance | looked up by name and fingerprint |
 * | VISA_FLAVOR | its flavour | m1.medium |
 * | VISA_FLAVOR_VCPUS | makes that flavour, with so many processors (an administrator's right) | it is there |
 * | VISA_OWNER | its owner | visitor |
 * | VISA_PAM_PUBLIC_KEY_METADATA | PEM file of a key of at most 896 bits, for its metadata | none |
 * | VISA_EXTERNAL_NETWORK_ID | network that its router leads to | no router |
 * | VISA_FLOATING_IP_POOL | name of that network: the instance has a floating address of it | none |
 * | VISA_SERVER_CIDRS | who reaches its desktop, with commas | without a router its own network; with one it has to be set |
 * | VISA_JUPYTER_PROXY_CIDRS | who reaches its JupyterLab, with commas | nobody |
 */
import "./compiled";
import { readFileSync } from "node:fs";
import { App } from "cdktf";
import {
  type AcceptanceProps,
  Catalog,
  type DiskFormat,
  type ImageVisibility,
  type VisaChannel,
  VisaImageError,
  type WebDownloadProps,
} from "../lib";
import { parseBootBudget } from "../lib/boot-budget";
import { VARIABLES, withPresentNames } from "../lib/present-names";
import type { StateBackend, StateProps } from "./state";
import { VisaImageStack } from "./visa-image";
import { VisaInfrastructureStack } from "./visa-infrastructure";

/** The instance's network: {@link VisaNetworkProps.cidr}'s default. Without a router VISA can only be in it. */
const NETWORK = "10.42.0.0/24";

/** The app of these variables. */
export function createApp(given: Readonly<Record<string, string | undefined>>): App {
  const warn = (message: string) => process.emitWarning(message, "VisaImageWarning");
  const environment = withPresentNames(given, VARIABLES, warn);
  const read = <T extends string>(name: string, allowed?: readonly T[]): T | undefined => {
    const value = environment[name]?.trim();
    if (!value) return undefined;
    if (!allowed || allowed.includes(value as T)) return value as T;
    throw new VisaImageError(`${name} is "${value}"`, { fix: `set it to one of: ${allowed.join(", ")}` });
  };
  const whole = (name: string, unit: string): number | undefined => {
    const value = read(name);
    if (value === undefined || /^[1-9]\d*$/.test(value)) return value === undefined ? undefined : Number(value);
    throw new VisaImageError(`${name} is "${value}"`, { fix: `set it to a whole number of ${unit}` });
  };
  const size = whole("VISA_DISK_SIZE_GB", "GiB");
  const template = read("VISA_TEMPLATE") ?? "visa-apps";
  const list = (name: string) => read(name)?.split(/\s*,\s*/);
  const catalog = read("VISA_CATALOG");
  const key = read("VISA_PAM_PUBLIC_KEY_METADATA");
  // An openrc says OS_INTERFACE, which the provider does not know.
  const endpointType = read("OS_CLOUD") ? undefined : read("OS_INTERFACE");
  const externalNetworkId = read("VISA_EXTERNAL_NETWORK_ID");
  const apiServerCidrs = list("VISA_SERVER_CIDRS");
  if (externalNetworkId && !apiServerCidrs) {
    throw new VisaImageError("VISA_EXTERNAL_NETWORK_ID is set, and VISA_SERVER_CIDRS is not: VISA would be shut out", {
      fix: `set VISA_SERVER_CIDRS to the addresses of VISA's servers, or to ${NETWORK} where they are in the instance's own network`,
    });
  }

  const state: StateProps = {
    stateBackend: read<StateBackend>("VISA_STATE_BACKEND", ["local", "pg"]),
    stateFolder: read("VISA_STATE_FOLDER"),
  };
  const channel = read<VisaChannel>("VISA_CHANNEL", ["candidate", "production"]);
  const bootBudget = read("VISA_BOOT_BUDGET");

  const app = new App();
  const { image } = new VisaImageStack(app, "visa-image", {
    template,
    variables: size ? { [template]: { disk_size_gb: size } } : undefined,
    catalog: catalog ? Catalog.fromDirectory(catalog) : undefined,
    imageName: read("VISA_IMAGE_NAME"),
    visibility: read<ImageVisibility>("VISA_IMAGE_VISIBILITY", ["private", "shared", "community", "public"]),
    diskFormat: read<DiskFormat>("VISA_DISK_FORMAT", ["raw", "qcow2"]),
    webDownload: webDownloadOf(read),
    verify: read("VISA_VERIFY", ["true", "false"]) !== "false",
    bootBudget: bootBudget ? parseBootBudget(bootBudget) : undefined,
    acceptance: acceptanceOf(read),
    protected: read("VISA_PROTECTED", ["true", "false"]) !== "false",
    cacheFrom: read("VISA_CACHE_FROM", ["glance"] as const),
    release: read("VISA_RELEASE"),
    visa: channel && { channel },
    cacheBuster: read("VISA_CACHE_BUSTER"),
    pamPublicKeyFile: read("VISA_PAM_PUBLIC_KEY"),
    lockFile: read("VISA_LOCK_FILE"),
    endpointType,
    ...state,
  });
  // It looks its image up in Glance when it is planned. A dependency on the other stack would let cdktf refuse to deploy
  // it alone.
  new VisaInfrastructureStack(app, "visa-infrastructure", {
    imageName: image.imageName,
    fingerprint: image.fingerprint,
    imageId: read("VISA_IMAGE_ID"),
    flavorName: read("VISA_FLAVOR") ?? "m1.medium",
    flavorVcpus: whole("VISA_FLAVOR_VCPUS", "processors"),
    owner: read("VISA_OWNER") ?? "visitor",
    pamPublicKey: key && readFileSync(key, "utf8"),
    apiServerCidrs: apiServerCidrs ?? [NETWORK],
    jupyterProxyCidrs: list("VISA_JUPYTER_PROXY_CIDRS"),
    externalNetworkId,
    floatingIpPool: read("VISA_FLOATING_IP_POOL"),
    endpointType,
    ...state,
  });
  return app;
}

/** @throws VisaImageError where one of flavour and network is set without the other */
function acceptanceOf(read: (name: string) => string | undefined): AcceptanceProps | undefined {
  const [flavor, network] = [read("VISA_ACCEPTANCE_FLAVOR"), read("VISA_ACCEPTANCE_NETWORK")];
  if (flavor && network) return { flavor, network, floatingIpPool: read("VISA_ACCEPTANCE_FLOATING_IP_POOL") };
  if (!flavor && !network) return undefined;
  const [set, unset] = ["VISA_ACCEPTANCE_FLAVOR", "VISA_ACCEPTANCE_NETWORK"].sort((a) => (read(a) ? -1 : 1));
  throw new VisaImageError(`${set} is set, and ${unset} is not: an instance takes both`, { fix: `set ${unset} too` });
}

/** @throws VisaImageError where one of folder and address is set without the other */
function webDownloadOf(read: (name: string) => string | undefined): WebDownloadProps | undefined {
  const [folder, url] = [read("VISA_WEB_DOWNLOAD_FOLDER"), read("VISA_WEB_DOWNLOAD_URL")];
  if (folder && url) return { folder, url };
  if (!folder && !url) return undefined;
  const [set, unset] = ["VISA_WEB_DOWNLOAD_FOLDER", "VISA_WEB_DOWNLOAD_URL"].sort((a) => (read(a) ? -1 : 1));
  throw new VisaImageError(
    `${set} is set, and ${unset} is not: one says where the disk goes, one where Glance finds it`,
    {
      fix: `set ${unset} too`,
    },
  );
}

if (require.main === module) {
  try {
    createApp(process.env).synth();
  } catch (error) {
    if (!(error instanceof VisaImageError) || process.env.VISA_DEBUG) throw error;
    console.error(`visa-images: ${error.message}`);
    process.exitCode = error.exitCode;
  }
}
