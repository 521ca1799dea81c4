/*
 * While a value is rendered, what is a Packer variable and what is a template's variable is marked by characters of
 * Unicode's private use area, which no text of a template may hold: so that the two can be told from anything that a
 * user wrote, whatever it looks like.
 */
const PACKER = ["\uE000", "\uE001"] as const;

/** What stands around a template's variable. */
export const VARIABLE = ["\uE002", "\uE003"] as const;

/** Ends the name under which a file for an installer may show the hash of a secret. */
export const HASH_SUFFIX = "_hash";

/** A reference to a Packer variable inside a text that is to be rendered. */
export function packerVariable(name: string): string {
  return PACKER[0] + name + PACKER[1];
}

/** Names of the Packer variables that a text refers to, in their order. */
export function packerVariablesIn(text: string): string[] {
  return [...text.matchAll(/\uE000([^\uE001]*)\uE001/g)].map((match) => match[1] as string);
}

/** Replaces marks of Packer variables, and everything around them, piece by piece. */
export function mapPieces(
  text: string,
  literal: (text: string, next: boolean) => string,
  variable: (name: string) => string,
) {
  return text
    .split(/\uE000([^\uE001]*)\uE001/)
    .map((piece, i, pieces) => (i % 2 === 1 ? variable(piece) : literal(piece, i + 1 < pieces.length)))
    .join("");
}
