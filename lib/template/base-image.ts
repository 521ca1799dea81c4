/** What a template in TypeScript starts from; a manifest.yml says the same as `base`. */

/** Options of {@link BaseImage.bootstrap}. Values may hold `{{ variable }}`. */
export interface BootstrapOptions {
  /** Debian suite. @default "bookworm" */
  readonly suite?: string;
  /** Packages beyond the essential ones. @default - none */
  readonly packages?: readonly string[];
  /** Size of the base in GiB; the root file system grows to the layer's disk. @default 4 */
  readonly diskSizeGb?: number | string;
}

/** A disk image with its checksum. Values may hold `{{ variable }}`. */
interface DiskOptions {
  /** `sha256:…` or `sha512:…`. */
  readonly checksum: string;
  /** `raw` or `qcow2`. @default "qcow2" */
  readonly format?: string;
}

/** Options of {@link BaseImage.cloudImage}. */
export interface CloudImageOptions extends DiskOptions {
  readonly url: string;
}

/** Options of {@link BaseImage.file}. */
export interface FileBaseOptions extends DiskOptions {
  /** Absolute, or relative to the template's folder. */
  readonly path: string;
}

/**
 * Options of {@link BaseImage.installer}. What the installer asks for comes from the template's folders `http` (served to
 * it) and `cd` (a CD with the label `cidata`); it is done when the machine goes down or boots again.
 */
export interface InstallerOptions {
  /** URL or path of an ISO. @default - a kernel is given instead */
  readonly iso?: string;
  /** Of the ISO: `sha256:…` or `sha512:…`. @default - needed with `iso` */
  readonly checksum?: string;
  /** What is typed over VNC, in Packer's words, without secrets: only with an ISO. @default - nothing */
  readonly bootCommand?: readonly string[];
  /** How long to wait before it is typed. @default "5s" */
  readonly bootWait?: string;
  /** URL or path of a kernel. @default - an ISO is given instead */
  readonly kernel?: string;
  /** @default - needed with `kernel` */
  readonly kernelChecksum?: string;
  /** URL or path of the initrd that belongs to it. @default - needed with `kernel` */
  readonly initrd?: string;
  /** @default - needed with `initrd` */
  readonly initrdChecksum?: string;
  /** The kernel's command line, without secrets. @default - empty */
  readonly kernelArguments?: string;
  /**
   * Root's password in the new system, for example `{{ root_password }}`: Packer logs in with it once that has booted, and
   * installs cloud-init. Only with an ISO. @default - the installer has done that
   */
  readonly sshPassword?: string;
  /** How long the installation may take, for example `90m`. @default "2h" */
  readonly timeout?: string;
}

/**
 * A base as an object with one key.
 * @deprecated BaseImage.bootstrap(), .cloudImage(), .file() and .installer() say the same
 */
export type TemplateBase =
  | { readonly bootstrap: BootstrapOptions }
  | { readonly cloudImage: CloudImageOptions }
  | { readonly file: FileBaseOptions }
  | { readonly installer: InstallerOptions };

/** What a template without a parent starts from. */
export class BaseImage {
  /** A Debian that is made from its packages: without root, and without an image to download. */
  static bootstrap(options: BootstrapOptions = {}): BaseImage {
    return new BaseImage("bootstrap", options);
  }

  /** A distribution's disk image, downloaded and checked. */
  static cloudImage(options: CloudImageOptions): BaseImage {
    return new BaseImage("cloud_image", options);
  }

  /** A disk image that lies on this machine. */
  static file(options: FileBaseOptions): BaseImage {
    return new BaseImage("file", options);
  }

  /** A distribution's installer: Debian's with a preseed file, Ubuntu's with autoinstall. */
  static installer(options: InstallerOptions): BaseImage {
    return new BaseImage("installer", options);
  }

  /** One that was said as an object. @internal */
  static of(base: TemplateBase): BaseImage {
    if ("bootstrap" in base) return BaseImage.bootstrap(base.bootstrap);
    if ("installer" in base) return BaseImage.installer(base.installer);
    return "cloudImage" in base ? BaseImage.cloudImage(base.cloudImage) : BaseImage.file(base.file);
  }

  /** In the words of manifest.yml; nothing is left in it that is undefined. @internal */
  readonly yaml: Readonly<Record<string, Readonly<Record<string, unknown>>>>;

  private constructor(kind: string, options: object) {
    const settings = Object.entries(options).filter(([, value]) => value !== undefined);
    this.yaml = { [kind]: Object.fromEntries(settings.map(([name, value]) => [snakeCase(name), value])) };
  }
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
