import { refuseBraces } from "../../lib/packer/braces";
import { Text } from "../../lib/template/render";

const check = (text: string) => refuseBraces(new Text(text, text), { file: "manifest.yml", line: 4 }, "inline");

test.each([
  "{b}",
  '{"a": {"c": 1}}',
  "awk '{print $1}'",
  "}} {",
  "${HOME} %{if}",
  "{{ upper `a` }} {{build `ID`}} {{- isotime -}}",
  "{{`{{`}}",
])("a text keeps what Packer hands on or knows: %s", (text) => {
  expect(() => check(text)).not.toThrow();
});

test.each([
  ["docker ps --format {{.Names}}", "{{.Names}}"],
  ["{{ x }}", "{{ x }}"],
  ["{{{x}}}", "{{{x}}"],
  ["{{ upper `a` }} {{ x", "{{ x"],
  ["{{ uppercase }}", "{{ uppercase }}"],
])("fails with two braces that Packer would fill in: %s", (text, found) => {
  expect(() => check(text)).toThrow(
    `manifest.yml:4: Packer fills in the "${found}" in "inline" itself, and hands nothing else on\n  fix: move it into a script`,
  );
});
