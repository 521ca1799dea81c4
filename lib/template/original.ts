/** What build-image.sh makes of a tree before it calls packme: files from `.tlt` files, and VISA's public key in its place. */

/** Where the key goes in a template's folder. */
export const PAM_PUBLIC_KEY_FILE = "system/etc/visa/public.pem";

/** What stands in braces in a `.tlt` file. */
export type Placeholder = "http_proxy" | "https_proxy" | "no_proxy";

/** A text with its placeholders filled; a placeholder without a value becomes empty. */
export function fillPlaceholders(text: string, values: Readonly<Partial<Record<Placeholder, string>>>): string {
  return text.replaceAll(/\{(http_proxy|https_proxy|no_proxy)\}/g, (_, name: Placeholder) => values[name] ?? "");
}

/** A file's text, without the lines whose placeholder has no value: without a proxy there is nothing to say about one. */
export function fillFile(text: string, values: Readonly<Record<Placeholder, string>>): string {
  const isSet = (line: string) =>
    [...line.matchAll(/\{(http_proxy|https_proxy|no_proxy)\}/g)].every(
      ([, name]) => values[name as Placeholder] !== "",
    );
  return text
    .split("\n")
    .filter(isSet)
    .map((line) => fillPlaceholders(line, values))
    .join("\n");
}
