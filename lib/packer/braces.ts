/** Packer's own templates (`{{ .Vars }}`), which it fills in wherever two braces stand, and again in what comes of it. */
import { type Location, usageError } from "../errors";
import type { Text } from "../template/render";

/** A call of what Packer knows in them: a text of Go, and the functions of its template engine. */
const CALL =
  /\{\{-?\s*(?:"[^"]*"|`[^`]*`|(?:build|build_name|build_type|clean_resource_name|consul_key|env|isotime|lower|packer_version|pwd|replace|replace_all|sed|split|strftime|template_dir|timestamp|upper|user|uuid|vault)\b)[^{}]*\}\}/g;

/** Two braces, in a secret too. */
export const BRACES = "{{";

/**
 * Fails for two braces in a text that is the guest's: Packer makes `<no value>` of `{{.Names}}` without a word, fails at
 * `{{ name }}` in the middle of a build, and takes no other way to write them.
 */
export function refuseBraces(text: Text, location: Location | undefined, key: string): void {
  const found = text.real.replaceAll(CALL, "").match(/\{\{[^}]*\}{0,2}/)?.[0];
  if (found === undefined) return;
  throw usageError(
    `Packer fills in the "${found}" in "${key}" itself, and hands nothing else on`,
    location,
    "move it into a script of the template, whose text Packer does not look into; a single brace may stand",
  );
}
