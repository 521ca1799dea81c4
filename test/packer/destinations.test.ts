import { type CopySource, Destinations } from "../../lib/packer/destinations";

const file = (path: string): CopySource => ({ path, kind: "file" });
const folder = (path: string): CopySource => ({ path, kind: "folder" });
/** Copies one after the other; gives the last one's problem. */
function last(...copies: [CopySource, string][]) {
  const destinations = new Destinations();
  const problems = copies.map(([source, destination]) => destinations.copy(source, destination));
  expect(problems.slice(0, -1).filter(Boolean)).toEqual([]);
  return problems.at(-1)?.what;
}

test.each<[string, ...[CopySource, string][]]>([
  ["a file to a path", [file("files/a"), "/opt/a"]],
  ["a file into a folder", [file("files/a"), "/opt/"]],
  ["a folder into one that is there", [folder("files/opt"), "/opt"]],
  ["a folder's content", [folder("files/opt/"), "/opt/new"]],
  ["one over the other", [file("a"), "/opt/a"], [file("b"), "/opt/a"]],
  ["two into a folder of the first", [folder("x"), "/opt/x"], [file("b"), "/opt/x/"]],
  ["to a relative path", [file("a"), "a"]],
])("%s can be copied", (_, ...copies) => {
  expect(last(...copies)).toBeUndefined();
});

test.each<[string, string, ...[CopySource, string][]]>([
  ["a folder of each system", '"/opt" is a folder', [file("a"), "/opt"]],
  ["the build's own folder", '"/var/tmp/visa-build" is a folder', [file("a"), "/var/tmp//visa-build"]],
  ["a folder of an earlier step", '"/opt/x" is a folder', [folder("x"), "/opt/x"], [file("a"), "/opt/x"]],
  ["a folder around an earlier file", '"/srv/x" is a folder', [file("a"), "/srv/x/y/a"], [file("b"), "/srv/x"]],
  ["a folder of its own name", '"/etc/skel" is a folder', [file("files/skel"), "/etc/"]],
])("fails for a file whose destination is %s", (_, what, ...copies) => {
  expect(last(...copies)).toBe(`${what}, where a file is to be copied to`);
});

test.each<[string, [CopySource, string]]>([
  ["a folder", [folder("x"), "/opt/a"]],
  ["a folder's content", [folder("x/"), "/opt/a/"]],
  ["a file into a folder", [file("b"), "/opt/a/"]],
])("fails for %s to a file of an earlier step", (_, copy) => {
  expect(last([file("a"), "/opt/a"], copy)).toBe('"/opt/a" is a file of an earlier step, where a folder is needed');
});

test("a program may have changed what earlier steps have put there, and nothing of each system", () => {
  const destinations = new Destinations();
  destinations.copy(file("a"), "/opt/a");
  destinations.forget();
  expect(destinations.copy(folder("x"), "/opt/a")).toBeUndefined();
  expect(destinations.copy(file("a"), "/opt")).toMatchObject({ fix: expect.stringContaining('"destination: /opt/"') });
});
