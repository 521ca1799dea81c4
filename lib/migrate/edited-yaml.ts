/**
 * A YAML file that is edited in its text: what is not touched stays byte by byte, comments, order, quotes and block tags
 * with it, so that a comparison of the two trees shows what was mended and nothing else.
 */
import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
} from "yaml";
import type { ValuePath } from "../template/yaml-file";

/** A line of nothing but block tags. */
const TAG_LINE = /^[ \t]*\{%(?![-+]?\s*raw\b).*%\}[ \t]*$/gm;

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The file's text, its values as they are written, and edits of it. */
export class EditedYaml {
  /** The plain value; of two equal keys the last one counts, as for packme. */
  readonly value: unknown;
  private readonly document: Document.Parsed;
  private readonly lines = new LineCounter();
  private readonly edits: Edit[] = [];

  /** Reads a text; undefined where it is no YAML even with its lines of block tags as comments. */
  static read(text: string): EditedYaml | undefined {
    try {
      const own = new EditedYaml(text);
      return own.document.errors.length === 0 ? own : undefined;
    } catch {
      return undefined;
    }
  }

  private constructor(private readonly source: string) {
    // As long as it was, so that places stay.
    const readable = source.replaceAll(TAG_LINE, (line) => line.replace("{", "#"));
    this.document = parseDocument(readable, {
      lineCounter: this.lines,
      merge: true,
      prettyErrors: false,
      uniqueKeys: false,
      version: "1.2",
    });
    this.value = this.document.errors.length === 0 ? this.document.toJS({ maxAliasCount: 1000 }) : undefined;
  }

  /** Whether anything was edited. */
  get isChanged(): boolean {
    return this.edits.length > 0;
  }

  /** The text with all edits. */
  text(): string {
    let text = this.source;
    for (const { start, end, text: own } of [...this.edits].sort((a, b) => b.start - a.start)) {
      text = text.slice(0, start) + own + text.slice(end);
    }
    return text;
  }

  /** The line of a value or of its key, counted from 1. */
  line(path: ValuePath): number {
    const pair = this.pair(path);
    const node = pair?.key ?? this.node(path);
    return this.lines.linePos((isNode(node) && node.range?.[0]) || 0).line;
  }

  /** Writes another text in the place of a scalar. */
  setScalar(path: ValuePath, text: string): boolean {
    const node = this.node(path);
    if (!isScalar(node) || !node.range) return false;
    return this.edit(node.range[0], node.range[1], text);
  }

  /** Gives a key another name. */
  renameKey(path: ValuePath, name: string): boolean {
    const key = this.pair(path)?.key;
    if (!isScalar(key) || !key.range) return false;
    return this.edit(key.range[0], key.range[1], name);
  }

  /** Puts a key before all others of a map. */
  insertFirst(path: ValuePath, text: string): boolean {
    const map = this.node(path);
    const first = isMap(map) ? map.items[0]?.key : undefined;
    if (!isMap(map) || !map.range) return false;
    if (!isNode(first) || !first.range) return this.edit(map.range[0], map.range[1], `{ ${text} }`);
    const [start] = first.range;
    return this.edit(start, start, map.flow ? `${text}, ` : `${text}\n${" ".repeat(this.column(start))}`);
  }

  /** Adds text after the last line. */
  append(text: string): boolean {
    const end = this.source.length;
    return this.edit(end, end, `${this.source === "" || this.source.endsWith("\n") ? "" : "\n"}${text}`);
  }

  /** Takes a key with its value, or an item of a list, out. */
  remove(path: ValuePath): boolean {
    const parent = this.node(path.slice(0, -1));
    if (!isMap(parent) && !isSeq(parent)) return false;
    const item = isMap(parent) ? this.pair(path) : parent.items[Number(path.at(-1))];
    return this.removeItem(parent.items as unknown[], parent.items.indexOf(item as never), parent.flow === true);
  }

  /** Takes out what stands twice in maps, but for the last of each. Calls back with each one's name and line. */
  removeEarlierKeys(removed: (name: string, line: number) => void): void {
    const visit = (node: unknown): void => {
      if (!isCollection(node)) return;
      const items = node.items as unknown[];
      if (isMap(node)) {
        const names = node.items.map(({ key }) => (isScalar(key) ? String(key.value) : ""));
        names.forEach((name, i) => {
          if (name === "" || names.lastIndexOf(name) === i) return;
          const { key } = node.items[i] as Pair;
          const line = this.lines.linePos((isNode(key) && key.range?.[0]) || 0).line;
          if (this.removeItem(items, i, node.flow === true)) removed(name, line);
        });
      }
      for (const item of items) visit(isMap(node) ? (item as Pair).value : item);
    };
    visit(this.document.contents);
  }

  private removeItem(items: readonly unknown[], index: number, isFlow: boolean): boolean {
    const range = (item: unknown) => this.extent(item);
    const own = range(items[index]);
    if (!own) return false;
    let [start, end] = own;
    const next = range(items[index + 1]);
    const before = range(items[index - 1]);
    if (isFlow) {
      if (next) end = next[0];
      else if (before) start = before[1];
      return this.edit(start, end, "");
    }
    // The whole lines, with what a comment beside it says.
    const lineStart = this.source.lastIndexOf("\n", start - 1) + 1;
    const indent = this.source.slice(lineStart, start);
    if (!/^[ \t]*(- +)?$/.test(indent)) return false;
    if (items.length === 1) {
      const dash = this.isKey(items[index]) ? start : start - (/- +$/.exec(indent)?.[0].length ?? 0);
      return this.edit(dash, end, this.isKey(items[index]) ? "{}" : "[]");
    }
    const lineEnd = this.source.indexOf("\n", end);
    end = lineEnd < 0 ? this.source.length : lineEnd + 1;
    // The first key of a map in a list stands behind the dash, and leaves its place to the next one.
    const isBehindDash = indent.includes("-") && this.isKey(items[index]);
    if (isBehindDash && !next) return false;
    if (isBehindDash && next) end = next[0];
    else start = lineStart;
    return this.edit(start, this.withWholeBlocks(start, end), "");
  }

  private isKey(item: unknown): boolean {
    return typeof item === "object" && item !== null && "key" in item;
  }

  /** Where a pair or a node begins, and where the last of it ends; a list's item without its dash. */
  private extent(item: unknown): [number, number] | undefined {
    if (item === undefined || item === null) return undefined;
    if (!isNode(item)) {
      const { key, value } = item as Pair;
      const start = isNode(key) ? key.range?.[0] : undefined;
      const end = this.extent(value)?.[1] ?? (isNode(key) ? key.range?.[1] : undefined);
      return start === undefined || end === undefined ? undefined : [start, end];
    }
    if (!item.range) return undefined;
    const last = isCollection(item) && !item.flow ? this.extent(item.items.at(-1)) : undefined;
    return [
      item.range[0],
      last?.[1] ?? item.range[0] + this.source.slice(item.range[0], item.range[1]).trimEnd().length,
    ];
  }

  /** Up to where the blocks that are opened before `end` are closed. */
  private withWholeBlocks(start: number, end: number): number {
    let last = end;
    for (;;) {
      const open = balance(this.source.slice(start, last));
      if (open <= 0 || last >= this.source.length) return last;
      const lineEnd = this.source.indexOf("\n", last);
      last = lineEnd < 0 ? this.source.length : lineEnd + 1;
    }
  }

  /** Refused where it takes a part of a block away, or overlaps with another one. */
  private edit(start: number, end: number, text: string): boolean {
    if (balance(this.source.slice(start, end)) !== 0) return false;
    if (this.edits.some((other) => start < other.end && other.start < end)) return false;
    this.edits.push({ start, end, text });
    return true;
  }

  private column(offset: number): number {
    return offset - (this.source.lastIndexOf("\n", offset - 1) + 1);
  }

  private node(path: ValuePath): unknown {
    return path.length === 0 ? this.document.contents : this.document.getIn(path, true);
  }

  private pair(path: ValuePath): Pair | undefined {
    const parent = this.node(path.slice(0, -1));
    if (!isMap(parent)) return undefined;
    return parent.items.findLast(({ key }) => isScalar(key) && String(key.value) === path.at(-1));
  }
}

/** How many more blocks a text opens than it closes. */
function balance(text: string): number {
  const words = [...text.matchAll(/\{%[-+]?\s*(\w+)/g)].map(([, word = ""]) => word);
  const open = words.filter((word) => /^(if|for|macro|call|filter|with|autoescape|block|raw)$/.test(word)).length;
  return open - words.filter((word) => word.startsWith("end")).length;
}
