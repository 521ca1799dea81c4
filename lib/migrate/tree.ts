/** A tree as it is to be: the files of another one, with other texts for some of them, and without others. */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { isFolder, isThere } from "../presence";
import { readText } from "../template/yaml-file";

/** Something that was mended. */
export interface Change {
  /** From the tree's folder. */
  readonly file: string;
  readonly line?: number;
  /** What was done, and why. */
  readonly what: string;
  readonly why: string;
}

/** Something that a person has to look at. */
export interface Advice {
  readonly file?: string;
  readonly line?: number;
  readonly what: string;
  /** What to do. */
  readonly fix?: string;
}

/** What build-image.sh, packme and Packer leave in a tree. */
const LEFT: Readonly<Record<string, string>> = {
  ".git": "the history stays where it is",
  ".venv_packme": "packme's own Python, made by build-image.sh",
  packer_cache: "Packer's downloads",
};

/** A tree that is being mended. Paths are relative to it. */
export class MendedTree {
  readonly changes: Change[] = [];
  readonly advice: Advice[] = [];
  /** What build tools made, which stays behind. */
  readonly leftOut: Change[] = [];
  private readonly texts = new Map<string, string>();
  private readonly copies = new Map<string, string>();
  private readonly left = new Set<string>();

  constructor(readonly folder: string) {
    this.leaveOut();
  }

  /** Absolute. */
  path(file: string): string {
    return join(this.folder, file);
  }

  /** The folder of a template's folders. */
  get templatesFolder(): string {
    return isFolder(this.path("templates")) ? "templates" : "";
  }

  /** Whether it will be there. */
  has(file: string): boolean {
    return this.texts.has(file) || this.copies.has(file) || (!this.left.has(file) && existsSync(this.path(file)));
  }

  /** The text that a file will have. @throws VisaImageError where it cannot be read */
  read(file: string): string {
    return this.texts.get(file) ?? readText(this.path(file));
  }

  /** Gives a file a text. */
  write(file: string, text: string): void {
    this.texts.set(file, text);
  }

  /** Copies a file or a folder into the tree. @param source absolute */
  copy(source: string, file: string): void {
    this.copies.set(file, source);
  }

  /** Leaves a file or a folder out, which is a change. */
  remove(file: string, why: string): void {
    this.left.add(file);
    this.changes.push({ file, what: "left out", why });
  }

  /** Leaves out what no build reads. */
  private leave(file: string, why: string): void {
    this.left.add(file);
    this.leftOut.push({ file, what: "left out", why });
  }

  /** Writes the whole of it into a new folder. */
  writeTo(target: string): void {
    this.copyInto(this.folder, target, "");
    for (const [file, source] of this.copies) {
      mkdirSync(dirname(join(target, file)), { recursive: true });
      if (isFolder(source)) this.copyInto(source, join(target, file), undefined);
      else copyFileSync(source, join(target, file));
    }
    for (const [file, text] of this.texts) {
      mkdirSync(dirname(join(target, file)), { recursive: true });
      writeFileSync(join(target, file), text);
    }
  }

  /** @param own where the folder stands in the tree; undefined outside of it */
  private copyInto(source: string, target: string, own: string | undefined): void {
    mkdirSync(target, { recursive: true });
    for (const name of readdirSync(source)) {
      const inside = own === undefined ? undefined : join(own, name);
      if (inside !== undefined && this.left.has(inside)) continue;
      const [from, to] = [join(source, name), join(target, name)];
      const stat = lstatSync(from);
      if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
      else if (stat.isDirectory()) this.copyInto(from, to, inside);
      else if (stat.isFile()) copyFileSync(from, to);
    }
  }

  private leaveOut(): void {
    for (const [name, why] of Object.entries(LEFT)) {
      if (existsSync(this.path(name))) this.leave(name, why);
    }
    const root = this.path(this.templatesFolder);
    const templates = readdirSync(root).filter((name) => isFolder(join(root, name)));
    for (const name of templates) {
      const template = join(this.templatesFolder, name);
      const builds = join(template, "builds");
      if (isFolder(this.path(builds))) this.leave(builds, "disks that were built: the cache has them now");
      if (!isThere(this.path(join(template, "manifest.yml"))) && !isThere(this.path(join(template, "environment.yml"))))
        continue;
      const rendered = join(template, "manifest.json");
      if (isThere(this.path(rendered))) this.leave(rendered, "packme writes it, with the password in it");
    }
    for (const file of this.files()) {
      if (!file.endsWith(".tlt") || !isThere(this.path(file.slice(0, -4)))) continue;
      const filled = file.slice(0, -4);
      this.leave(filled, `build-image.sh made it from ${basename(file)}, which is filled when it is read now`);
    }
  }

  /** All files that will be copied, sorted. */
  files(): string[] {
    const found: string[] = [];
    const visit = (folder: string): void => {
      for (const entry of readdirSync(this.path(folder), { withFileTypes: true })) {
        const own = join(folder, entry.name);
        if (this.left.has(own)) continue;
        if (entry.isDirectory()) visit(own);
        else if (entry.isFile()) found.push(own);
      }
    };
    visit("");
    return found.map((file) => file.split(sep).join("/")).sort();
  }
}
