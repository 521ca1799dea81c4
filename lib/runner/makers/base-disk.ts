/** Makes what the first layer starts from, where no installer does: a disk that is bootstrapped, downloaded or copied. */
import { join, resolve } from "node:path";
import { assetFolder } from "../../package-root";
import type {
  Base,
  BootstrapBase,
  CloudImageBase,
  FileBase,
  InstallerBase,
  LayerSpecification,
} from "../../specification";
import { checkForeignDisk } from "../cache/foreign-disk";
import { machineOf, mirrorOf } from "../context";
import { takesCredentials } from "../guest/disk-report";
import type { GuestReport } from "../guest/guest-report";
import { checkFile, type DownloadOptions, download, proxyEnvironment } from "./download";
import { type MakeContext, type Maker, sayLine, timed, toolRunner } from "./maker";

/** A base of the runner's own making. */
export function baseDisk(base: Exclude<Base, InstallerBase>): Maker {
  return {
    words: ["building", "built"],
    steps: 2,
    async make(context) {
      const { build, scratch } = context;
      const isBootstrap = base.kind === "bootstrap";
      build.progress.startStep(isBootstrap ? `bootstrapping Debian ${base.suite}` : "preparing the base image");
      const located = base.kind === "file" ? { ...base, path: resolve(build.directory, base.path) } : base;
      const options = {
        ...downloadOptions(context),
        scratch: scratch.path,
        mirror: mirrorOf(machineOf(build, firstLayer(context))) || undefined,
      };
      const [made, toolSeconds] = await timed(() => makeBase(located, options));
      return { ...made, toolSeconds };
    },
  };
}

const firstLayer = ({ build }: MakeContext) => build.specification.layers[0] as LayerSpecification;

/** How a maker of a base downloads. */
export function downloadOptions(context: MakeContext): DownloadOptions {
  const { build } = context;
  return {
    proxy: machineOf(build, firstLayer(context)).proxy || undefined,
    downloads: join(build.cache.root, "downloads"),
    run: toolRunner(context),
    log: (line) => sayLine(context, line),
    warn: (message) => build.progress.warn(message),
  };
}

/** Options of {@link makeBase}. */
export interface MakeBaseOptions extends DownloadOptions {
  /** An existing folder on the disk of the cache; the result lies in it, and the caller removes it. */
  readonly scratch: string;
  /** Debian mirror for the bootstrap. @default Debian's own */
  readonly mirror?: string;
}

/**
 * Makes the disk of a base.
 *
 * @returns a qcow2 file in the scratch folder that has no backing file, and what is known of its system
 * @throws VisaImageError where a checksum differs, or a file or a download is not to be had
 */
export async function makeBase(
  base: Exclude<Base, InstallerBase>,
  options: MakeBaseOptions,
): Promise<{ disk: string; guest: GuestReport }> {
  const disk = join(options.scratch, "base.qcow2");
  switch (base.kind) {
    case "bootstrap":
      return { disk, guest: await bootstrap(base, disk, options) };
    case "cloud-image":
      await convert(await download(base, options), base, disk, options);
      return { disk, guest: {} };
    case "file":
      await checkFile(base.path, base.checksum, options);
      await convert(base.path, base, disk, options);
      return { disk, guest: { takesCredentials: await takesCredentials(disk, options.scratch, options.run) } };
  }
}

/**
 * Of the recipe's lines one is an answer: whether a boot of the disk takes credentials. What a package's script prints
 * while it is installed may look the same. So it counts only directly before the line that the recipe prints when all
 * packages are installed and none of their scripts runs any more; the last such line is the recipe's own.
 */
async function bootstrap(
  base: BootstrapBase,
  disk: string,
  { mirror, proxy, run }: MakeBaseOptions,
): Promise<GuestReport> {
  let takes = false;
  let before = "";
  await run("bash", [join(assetFolder(join("runner", "bootstrap")), "bootstrap.sh"), disk], {
    network: true,
    env: {
      VISA_BASE_SUITE: base.suite,
      VISA_BASE_SIZE_GB: String(base.diskSizeGb),
      VISA_BASE_PACKAGES: base.packages.join(" "),
      VISA_BASE_MIRROR: mirror ?? "",
      VISA_BASE_SECURITY_MIRROR: "",
      // Dates of the base do not depend on the day.
      SOURCE_DATE_EPOCH: "0",
      ...proxyEnvironment(proxy),
    },
    onOutput: (line) => {
      if (line.startsWith("bootstrap: making a disk of ")) takes = before === "visa-login credentials";
      before = line;
    },
  });
  return { takesCredentials: takes };
}

/**
 * Checked, since it was made elsewhere. Always converted, also from qcow2: that drops compression, which layers would pay
 * for at every read.
 */
async function convert(
  source: string,
  { format }: CloudImageBase | FileBase,
  disk: string,
  { run }: MakeBaseOptions,
): Promise<void> {
  await checkForeignDisk(source, format);
  await run("qemu-img", ["convert", "-f", format, "-O", "qcow2", source, disk]);
}
