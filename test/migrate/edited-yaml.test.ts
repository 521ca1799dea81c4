import { EditedYaml } from "../../lib/migrate/edited-yaml";

const edited = (text: string, edit: (yaml: EditedYaml) => unknown): string | undefined => {
  const yaml = EditedYaml.read(text) as EditedYaml;
  return edit(yaml) === false ? undefined : yaml.text();
};
const LIST = "a:\n  # of x\n  - x: 1 # one\n    y: 2\n\n  - z: 'q'   # two\nb: [1,2]\n";

test.each<[string, string, (yaml: EditedYaml) => unknown, string]>([
  [
    "a scalar is written, its comment stays",
    LIST,
    (own) => own.setScalar(["a", 0, "x"], "3"),
    LIST.replace("1 #", "3 #"),
  ],
  ["a key is renamed", LIST, (own) => own.renameKey(["b"], "x-b"), LIST.replace("b:", "x-b:")],
  ["a key goes with its line", LIST, (own) => own.remove(["a", 0, "y"]), LIST.replace("    y: 2\n", "")],
  [
    "the first key of an item leaves its place",
    LIST,
    (own) => own.remove(["a", 0, "x"]),
    LIST.replace("x: 1 # one\n    ", ""),
  ],
  ["an item goes", LIST, (own) => own.remove(["a", 1]), LIST.replace("  - z: 'q'   # two\n", "")],
  [
    "the only item of a list leaves an empty one",
    "a:\n  - x: 1\nb: 2\n",
    (own) => own.remove(["a", 0]),
    "a:\n  []\nb: 2\n",
  ],
  [
    "the only key of a map leaves an empty one",
    "a:\n  x: 1\nb: 2\n",
    (own) => own.remove(["a", "x"]),
    "a:\n  {}\nb: 2\n",
  ],
  ["a key goes between braces", "a: {x: 1, y: 2}\n", (own) => own.remove(["a", "x"]), "a: {y: 2}\n"],
  ["the last one goes with the comma before it", "a: {x: 1, y: 2}\n", (own) => own.remove(["a", "y"]), "a: {x: 1}\n"],
  ["a key comes first", "a:\n  x: 1\n", (own) => own.insertFirst(["a"], "w: 0"), "a:\n  w: 0\n  x: 1\n"],
  ["a key comes first between braces", "a: {x: 1}\n", (own) => own.insertFirst(["a"], "w: 0"), "a: {w: 0, x: 1}\n"],
  ["a key comes into an empty map", "a: {}\n", (own) => own.insertFirst(["a"], "w: 0"), "a: { w: 0 }\n"],
  ["text is added at the end", "a: 1", (own) => own.append("b: 2\n"), "a: 1\nb: 2\n"],
  [
    "a list goes with its blocks",
    "a:\n  - 1\n{% if x %}\n  - 2\n{% endif %}\nb: 1\n",
    (own) => own.remove(["a"]),
    "b: 1\n",
  ],
  [
    "of equal keys the last one stays",
    "a: 1\nb: 2\na: 3\n",
    (own) => own.removeEarlierKeys(() => undefined),
    "b: 2\na: 3\n",
  ],
])("%s", (_, text, edit, expected) => {
  expect(edited(text, edit)).toBe(expected);
});

test("fails to take a part of a block away", () => {
  const text = "a: 1\n{% if x %}\nb: 2\n{% else %}\nc: 3\n{% endif %}\nd: {% if x %}1{% endif %}\n";
  expect(edited("a:\n{% if x %}\n  - 1\n  - 2\n{% endif %}\nb: 1\n", (own) => own.remove(["a", 1]))).toBe(
    "a:\n{% if x %}\n  - 1\n{% endif %}\nb: 1\n",
  );
  expect(EditedYaml.read(text)).toBeUndefined();
});

test("lines are those of the file, and two edits of one place are refused", () => {
  const yaml = EditedYaml.read("{% if x %}\na: 1\n{% endif %}\nb: 2\n") as EditedYaml;
  expect(yaml.line(["b"])).toBe(4);
  expect(yaml.setScalar(["b"], "3")).toBe(true);
  expect(yaml.setScalar(["b"], "4")).toBe(false);
  expect(yaml.text()).toBe("{% if x %}\na: 1\n{% endif %}\nb: 3\n");
});
