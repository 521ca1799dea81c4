/** What the guides name is there: tests, links, commands and their options. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { makeProgram } from "../../lib/cli/main";

const guides = readdirSync("docs").filter((name) => name.endsWith(".md"));
const read = (name: string) => readFileSync(join("docs", name), "utf8");

test("every test that the migration guide names exists", () => {
  const named = [...read("migrating.md").matchAll(/[\w/-]+\.test\.ts/g)].map(([name]) => name);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !existsSync(join("test", name)))).toEqual([]);
});

test.each(guides)("%s links to what is there", (name) => {
  const links = [...read(name).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link as string);
  expect(links.filter((link) => !existsSync(resolve("docs", dirname(name), link)))).toEqual([]);
});

test.each([...guides, "../README.md"])("%s shows files as they are", (name) => {
  for (const [, file = "", shown] of read(name).matchAll(/<!-- (\S+) -->\n```\w*\n([\s\S]*?)```/g)) {
    expect({ file, text: shown }).toEqual({ file, text: readFileSync(file, "utf8") });
  }
});

test.each([...guides, "../README.md"])("%s names commands and options that are there", (name) => {
  for (const [, command, rest = ""] of read(name).matchAll(/\bvisa-image ([a-z-]+)([^`\n&|;]*)/g)) {
    const found = programFor(command ?? "").commands.find((each) => each.name() === command);
    expect([command, found?.name()]).toEqual([command, command]);
    for (const [option] of rest.split("#")[0]?.matchAll(/--[a-z-]+/g) ?? []) {
      const all = found ? [found, ...found.commands] : [];
      const known = [...all.flatMap(({ options }) => options.map(({ long }) => long)), "--help"];
      expect({ command, option, known }).toMatchObject({ known: expect.arrayContaining([option]) });
    }
  }
});

/** The program as it is where a command is asked for: the subcommands of some are loaded only then. */
function programFor(command: string): ReturnType<typeof makeProgram> {
  const before = process.argv;
  process.argv = ["node", "visa-image", command];
  try {
    return makeProgram();
  } finally {
    process.argv = before;
  }
}
