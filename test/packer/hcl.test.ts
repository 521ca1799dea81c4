// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are literals for HCL
import { escapeLiteral } from "../../lib/packer/hcl";

test.each([
  ["a ${b}", "a $${b}"],
  ["%{if}", "%%{if}"],
  ["$${x}", '${"$$"}{x}'],
  ["$", "$"],
  ["100%", "100%"],
])("%j is written as %j", (text, expected) => expect(escapeLiteral(text)).toBe(expected));

test("a sign before an interpolation does not become its escape", () => {
  expect(escapeLiteral("costs $", true)).toBe(`costs \${"$"}`);
});
