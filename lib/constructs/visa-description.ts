import type { LayerSpecification } from "../specification";

/** What is not for users, and what is no word of theirs. */
const NOT_TOLD = /password|secret|token|key|proxy|certificate|base64|background|welcome|bind_dn/i;

/** In characters. */
const LONGEST_VALUE = 100;
const LONGEST = 1500;

/** What an image is made of, for those who choose it on VISA's page: its layers, and what its last one was told. */
export function describeContents(layers: readonly LayerSpecification[]): string {
  const last = layers.at(-1);
  const base = layers[0]?.base;
  const system = base?.kind === "bootstrap" ? `Debian ${base.suite}` : "its base";
  const names = layers.map(({ name }) => name).join(", ");
  const told = Object.entries(last?.inputs ?? {}).flatMap(([name, value]) => {
    const variable = /^variable (.*)$/.exec(name)?.[1];
    const text = value.trim().replace(/\s+/g, " ");
    const tell = variable !== undefined && text !== "" && text.length <= LONGEST_VALUE && !NOT_TOLD.test(variable);
    return tell ? [`${variable}: ${text}`] : [];
  });
  const lines = [`On ${system}, in layers: ${names}.`, ...told];
  while (lines.join("\n").length > LONGEST) lines.pop();
  return lines.join("\n");
}
