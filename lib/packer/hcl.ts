import { mapPieces } from "../template/marks";
import { Text } from "../template/render";

/**
 * Literal text as an HCL template: `${` and `%{` begin an interpolation there. Where more than one `$` stands before a
 * brace or an interpolation, HCL reads the doubled sign as its own escape, so such a run is written as an expression.
 * @param next whether an interpolation follows
 */
export function escapeLiteral(text: string, next = false): string {
  return text
    .replaceAll(/([$%])\1*(?=\{)/g, (run, sign: string) => (run.length === 1 ? sign + sign : quoted(run)))
    .replace(next ? /[$%]+$/ : /(?!)/, (run) => quoted(run));
}

function quoted(run: string): string {
  return `\${"${run}"}`;
}

/** A reference to a Packer variable. */
export function reference(name: string): string {
  return `\${var.${name}}`;
}

/** A rendered value as it stands in an HCL2 JSON file. */
export function hcl(text: Text, mode: "real" | "structure"): string | number | boolean {
  const value = text[mode];
  if (mode === "real" && text.kind === "integer" && /^\d+$/.test(value)) return Number(value);
  if (mode === "real" && text.kind === "flag") return value === "true";
  return mapPieces(value, escapeLiteral, reference);
}

/**
 * Writes a tree of values: a {@link Text} is a user's and is escaped, everything else is ours and stays as it is.
 * @param mode `structure` shows marks in the place of the template's variables
 */
export function write(value: unknown, mode: "real" | "structure"): unknown {
  if (value instanceof Text) return hcl(value, mode);
  if (Array.isArray(value)) return value.map((item) => write(item, mode));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, own]) => own !== undefined)
        .map(([key, own]) => [key, write(own, mode)]),
    );
  }
  return value;
}
