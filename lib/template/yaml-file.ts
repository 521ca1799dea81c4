import { readFileSync } from "node:fs";
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from "yaml";
import { ExitCode, type Location, VisaImageError } from "../errors";
import { Problems } from "../problems";

/** Where a value stands in a document: the keys and indices that lead to it. */
export type ValuePath = readonly (string | number)[];

/** Nesting beyond this is a mistake or an attack, and would only end as a stack overflow later. */
const MAX_DEPTH = 64;
/** How often aliases may be resolved in one file: YAML that expands without bound is refused. */
const MAX_ALIASES = 1000;

/**
 * A YAML file that knows where its values stand.
 *
 * It is read as YAML 1.2 (so `yes` is a string and 0755 a decimal number), with the merge keys of 1.1 (`<<`), which
 * PyYAML, and so packme, reads too. Keys must be unique, aliases are limited, custom tags are refused.
 */
export class YamlFile {
  /** The plain value of the whole document; null when the file is empty. */
  readonly value: unknown;
  private readonly document: Document.Parsed;
  private readonly lines = new LineCounter();

  /** Reads a file. @throws VisaImageError when it cannot be read or is not YAML */
  static read(file: string): YamlFile {
    return new YamlFile(file, readText(file));
  }

  /** @param sourceLines for each line of the text, the one of the file that it comes from, where that is another */
  constructor(
    readonly file: string,
    text: string,
    private readonly sourceLines?: readonly number[],
  ) {
    try {
      this.document = parseDocument(text, {
        lineCounter: this.lines,
        merge: true,
        prettyErrors: false,
        // Looked at below: the parser compares every key with every other one.
        uniqueKeys: false,
        version: "1.2",
      });
      // An unknown tag (!!python/object, !vault) is only a warning to the parser, but its value would be something else.
      const problem = this.document.errors[0] ?? this.document.warnings[0];
      if (problem) {
        throw new VisaImageError(`not valid YAML: ${firstLine(problem.message)}`, {
          location: this.at(problem.pos[0]),
          exitCode: ExitCode.USAGE,
          cause: problem,
        });
      }
      const problems = new Problems();
      for (const second of this.secondKeys()) {
        problems.add(
          new VisaImageError("the same key stands here twice", {
            location: this.at(second),
            fix: "rename or remove one of the two",
            exitCode: ExitCode.USAGE,
          }),
        );
      }
      problems.throwAny();
      visit(this.document, {
        Pair: (_, { key }) => {
          if (isScalar(key)) return undefined;
          throw new VisaImageError("a list or a map stands where a key is needed", {
            location: this.at((isNode(key) && key.range?.[0]) || 0),
            fix: "put quotes around the text",
            exitCode: ExitCode.USAGE,
          });
        },
      });
      this.value = this.document.toJS({ maxAliasCount: MAX_ALIASES });
      checkDepth(this.value, 0);
    } catch (cause) {
      if (cause instanceof VisaImageError) throw cause;
      throw new VisaImageError(`not usable YAML: ${firstLine((cause as Error).message)}`, {
        location: { file, line: 1, column: 1 },
        fix: "use fewer aliases and less nesting",
        exitCode: ExitCode.USAGE,
        cause,
      });
    }
  }

  /** The document's node, for those who look at how it is written. */
  get contents(): unknown {
    return this.document.contents;
  }

  /** Where a value stands, or the nearest thing around it that does. */
  locate(path: ValuePath): Location {
    for (let length = path.length; length >= 0; length--) {
      const node = this.node(path.slice(0, length));
      if (isNode(node) && node.range) return this.at(node.range[0]);
    }
    return { file: this.file, line: 1, column: 1 };
  }

  /** Where a key stands (rather than its value). */
  locateKey(path: ValuePath): Location {
    const parent = this.node(path.slice(0, -1));
    const name = path.at(-1);
    if (isMap(parent)) {
      for (const pair of parent.items) {
        if (isPair(pair) && isScalar(pair.key) && String(pair.key.value) === name && pair.key.range) {
          return this.at(pair.key.range[0]);
        }
      }
    }
    return this.locate(path);
  }

  /** A scalar as the text that was written: `1.10`, `yes` and `0755` stay what they look like. */
  text(path: ValuePath, value: unknown): string {
    const node = this.node(path);
    if (isScalar(node) && node.value === value && node.type === "PLAIN" && node.source !== undefined) {
      return value === null ? "" : node.source;
    }
    return value === null || value === undefined ? "" : String(value);
  }

  /** Where the second of two equal keys stands, for all of them. */
  private secondKeys(): number[] {
    const found: number[] = [];
    visit(this.document, {
      Map: (_, { items }) => {
        const seen = new Set<string>();
        for (const { key } of items) {
          if (!isScalar(key)) continue;
          // As keys of the plain value: 1 and "1" are the same.
          const name = String(key.value);
          if (seen.has(name)) found.push(key.range?.[0] ?? 0);
          seen.add(name);
        }
      },
    });
    return found;
  }

  private node(path: ValuePath): unknown {
    let node: unknown = this.document.contents;
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(this.document);
      if (!isMap(node) && !isSeq(node)) return undefined;
      node = node.get(step, true);
    }
    return node;
  }

  private at(offset: number): Location {
    const { line, col } = this.lines.linePos(offset);
    const own = Math.max(line, 1);
    return { file: this.file, line: this.sourceLines?.[own - 1] ?? own, column: Math.max(col, 1) };
  }
}

/** Reads the text of a file. @throws VisaImageError when it cannot be read, or is not UTF-8 */
export function readText(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new VisaImageError(`cannot read the file: ${(cause as Error).message}`, {
      location: { file },
      exitCode: ExitCode.USAGE,
      cause,
    });
  }
  // What stands in the place of bytes that are no UTF-8; no text of ours holds it.
  const odd = text.search(/[\uFFFD\0]/);
  if (odd < 0) return text;
  throw new VisaImageError("this is not text in UTF-8", {
    location: { file, line: text.slice(0, odd).split("\n").length },
    fix: "save the file as UTF-8",
    exitCode: ExitCode.USAGE,
  });
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? message).replace(/:$/, "");
}

function checkDepth(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > MAX_DEPTH) throw new Error(`nested deeper than ${MAX_DEPTH} levels`);
  for (const child of Object.values(value)) checkDepth(child, depth + 1);
}
