import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Location, usageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import type { SpecifiedFile } from "../specification";
import { type ExcludedFile, type Staged, stage } from "../template/files";
import { fillFile, PAM_PUBLIC_KEY_FILE, type Placeholder } from "../template/original";
import { Text } from "../template/render";
import type { FileScope } from "../template/template";

/** Options of {@link StagedFiles}. */
export interface StagedFilesOptions {
  /** What is filled into `.tlt` files. @default nothing */
  readonly fill?: Readonly<Record<Placeholder, string>>;
  /** VISA's public key, PEM text, for templates that copy it from a file as the original does. @default none */
  readonly pamPublicKey?: string;
}

/** The files that a configuration reads: each once, as it will stand in the scratch folder. */
export class StagedFiles {
  private readonly byPath = new Map<string, SpecifiedFile>();
  private readonly left = new Map<string, ExcludedFile>();
  private readonly byLabel: Record<string, string> = {};

  constructor(
    /** Name of the template, for errors. */
    private readonly subject: string,
    private readonly options: StagedFilesOptions,
  ) {}

  /** All of them, in the order of their paths. */
  list(): SpecifiedFile[] {
    return [...this.byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Whether there is one of this path. */
  has(path: string): boolean {
    return this.byPath.has(path);
  }

  /** What was left out of folders, each once. */
  excluded(): readonly ExcludedFile[] {
    return [...this.left.values()];
  }

  /** Notes what was left out of a folder. */
  leftOut(files: readonly ExcludedFile[]): void {
    for (const file of files) this.left.set(file.label, file);
  }

  /** Their entries among the inputs. */
  inputs(): Readonly<Record<string, string>> {
    return this.byLabel;
  }

  /** The text of a file, by its path in the scratch folder. */
  read(path: string): string {
    const file = this.byPath.get(path);
    return file?.content ?? readFileSync(file?.source ?? path, "utf8");
  }

  /** Adds a file. @param label what the plan calls it */
  add(file: SpecifiedFile, label: string): void {
    if (this.byPath.has(file.path)) return;
    this.byPath.set(file.path, file);
    const key = Object.hasOwn(this.byLabel, label) ? file.path : label;
    this.byLabel[key] = `${short(file.sha256)} ${file.mode.toString(8).padStart(4, "0")}`;
  }

  /**
   * Adds what a template names; returns how the configuration calls it.
   * @param what how an error calls it: "script", "file", "folder"
   * @param exclude patterns of what is left out of a folder
   * @throws VisaImageError when it cannot be used: see {@link stage}
   */
  addNamed(
    name: string,
    scope: FileScope | undefined,
    what: string,
    location?: Location,
    exclude?: readonly string[],
  ): Text {
    const staged =
      this.fromOriginal(name, scope, what, location) ??
      stage(name, scope, what, location, { only: what === "script" ? "file" : "any", exclude });
    this.leftOut(staged.excluded);
    staged.files.forEach((file, i) => {
      this.add(file, staged.labels[i] as string);
    });
    // The slash at the end of a folder's name says that its content is copied rather than the folder.
    const path = staged.path + (name.endsWith("/") ? "/" : "");
    return new Text(path, path);
  }

  /** A file that build-image.sh would have made: from a `.tlt` file beside it, or VISA's public key. */
  private fromOriginal(
    name: string,
    scope: FileScope | undefined,
    what: string,
    location: Location | undefined,
  ): Staged | undefined {
    if (!scope || name.includes("\0") || name.endsWith("/")) return undefined;
    const path = resolve(scope.folder, name);
    const made = (content: string, like: Staged): Staged => {
      const [file] = like.files as [SpecifiedFile];
      const without = (text: string) => text.replace(/\.tlt$/, "");
      return {
        path: without(like.path),
        files: [{ ...file, path: without(file.path), sha256: sha256(content), content }],
        labels: like.labels.map(without),
        excluded: [],
      };
    };
    if (existsSync(`${path}.tlt`)) {
      const { fill = { http_proxy: "", https_proxy: "", no_proxy: "" } } = this.options;
      const source = stage(`${name}.tlt`, scope, what, location, { only: "file" });
      return made(fillFile(readFileSync(`${path}.tlt`, "utf8"), fill), source);
    }
    if (path !== join(scope.boundary, PAM_PUBLIC_KEY_FILE)) return undefined;
    const { pamPublicKey } = this.options;
    if (pamPublicKey !== undefined) {
      const file = { path: `${scope.staged}/${PAM_PUBLIC_KEY_FILE}`, source: path, mode: 0o644, sha256: "" };
      return made(pamPublicKey, {
        path: file.path,
        files: [file],
        labels: [scope.label + PAM_PUBLIC_KEY_FILE],
        excluded: [],
      });
    }
    if (existsSync(path)) return undefined;
    throw usageError(
      `"${this.subject}" needs VISA's public key, and there is none`,
      location,
      "--pam-public FILE, VISA_PAM_PUBLIC_KEY=FILE, or pamPublicKeyFile in code",
    );
  }
}
