import { usageError } from "../../lib/errors";
import { releasesNamed } from "../../lib/releases/names";
import type { Release } from "../../lib/releases/release-lock";

const of = (image: string, digits: string, name: string) => ({
  image,
  release: { release: digits, fingerprint: `f${digits}`, imageId: `id of ${digits}`, name } as Release,
});
const all = [
  of("images/general", "aaaa11112222", "VISA desktop"),
  of("images/general", "aaaa33334444", "VISA desktop"),
  of("images/imaging", "bbbb11112222", "Imaging"),
];
const named = (...names: string[]) =>
  releasesNamed(all, names, (name, fix) => usageError(`no ${name}`, undefined, fix)).map(
    ({ release }) => release.release,
  );

test.each<[string, string[]]>([
  ["images/general", ["aaaa11112222", "aaaa33334444"]],
  ["imaging", ["bbbb11112222"]],
  ["VISA desktop", ["aaaa11112222", "aaaa33334444"]],
  ["id of bbbb11112222", ["bbbb11112222"]],
  ["aaaa3", ["aaaa33334444"]],
  ["fbbbb", ["bbbb11112222"]],
])("%s", (name, releases) => expect(named(name)).toEqual(releases));

test("each once, in the order of the names; all without one", () => {
  expect(named("imaging", "aaaa1", "images/imaging")).toEqual(["bbbb11112222", "aaaa11112222"]);
  expect(named()).toHaveLength(3);
});

test("fails for a name that none has: too few digits, too", () => {
  expect(() => named("images/imagin")).toThrow('no images/imagin\n  fix: did you mean "images/imaging"?');
  expect(() => named("aaa")).toThrow("no aaa");
});
