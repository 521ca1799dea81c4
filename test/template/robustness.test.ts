import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { VisaImageError } from "../../lib/errors";
import { CHAIN, specifyChain, temporaryCatalog, writeFiles } from "../fixtures/temporary-catalog";

const packme = resolve("test/fixtures/catalogs/packme/templates");
const manifests = ["system-base", "visa-base"].map((name) => readFileSync(`${packme}/${name}/manifest.yml`, "utf8"));
const pieces = [
  "{{",
  "}}",
  "{%",
  "%}",
  "{#",
  "#}",
  "${",
  ":",
  "-",
  "\n",
  "  ",
  "[",
  "]",
  "{",
  "}",
  "'",
  '"',
  "&a ",
  "*a",
  "!!x ",
  "null",
  "~",
  "1e999",
  ".nan",
  "__proto__",
  "constructor",
  "\u0000",
  "\uE000",
  "\uD800",
  "<<: ",
  "? ",
  "|",
  ">",
  "#",
  "%",
  "@",
  "`",
  "\t",
  "type: ",
  "inline: ",
  "../",
  "yes",
];
const folder = temporaryCatalog({ ...CHAIN, "one/scripts/desktop.sh": "", "one/files/panel/a": "" });

/** A result or one VisaImageError: anything else is thrown on. */
function attempt(): void {
  try {
    specifyChain(folder);
  } catch (error) {
    if (!(error instanceof VisaImageError)) throw error;
    expect(error.message).not.toMatch(/undefined \(reading|is not a function|\[object/);
  }
}

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(12),
  insert: fc.constantFrom("", ...pieces),
});

test.each(["one/manifest.yml", "one/environment.yml", "config.yml"])(
  "any change of %s gives a result or one clear error",
  (file) => {
    const sources = file.endsWith("manifest.yml")
      ? manifests
      : [file === "config.yml" ? (CHAIN["config.yml"] as string) : (CHAIN["two/environment.yml"] as string)];
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.array(edit, { minLength: 1, maxLength: 4 }), (source, edits) => {
        let text = source;
        for (const { at, remove, insert } of edits) {
          const position = Math.floor(at * text.length);
          text = text.slice(0, position) + insert + text.slice(position + remove);
        }
        writeFiles(folder, { ...CHAIN, [file]: text });
        attempt();
      }),
      { numRuns: 150 },
    );
  },
  60_000,
);
