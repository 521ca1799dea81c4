import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addToMediaLock, MEDIA_LOCK_FILE, readMediaLock } from "../../lib/template/media-lock";
import { scratchFolder } from "../support/scratch";

const sum = (digit: string) => `sha256:${digit.repeat(64)}`;

let file: string;
beforeEach(() => {
  file = join(scratchFolder(), MEDIA_LOCK_FILE);
});

test("a lock that is not there is an empty one", () => {
  expect(readMediaLock(file)).toEqual({});
});

test("media are added one by one, sorted, and the others stay", () => {
  addToMediaLock(file, "https://b.example/b.iso", sum("b"));
  addToMediaLock(file, "a.iso", sum("a"));
  expect(readMediaLock(file)).toEqual({ "a.iso": sum("a"), "https://b.example/b.iso": sum("b") });
  expect(readFileSync(file, "utf8")).toBe(
    `{\n  "version": 1,\n  "media": {\n    "a.iso": "${sum("a")}",\n    "https://b.example/b.iso": "${sum("b")}"\n  }\n}\n`,
  );
  expect(readdirSync(join(file, ".."))).toEqual([MEDIA_LOCK_FILE]);
});

test("a medium's new sum takes the place of the old one", () => {
  addToMediaLock(file, "a.iso", sum("a"));
  addToMediaLock(file, "a.iso", sum("c"));
  expect(readMediaLock(file)).toEqual({ "a.iso": sum("c") });
});

test.each([
  ["what is no JSON", "<<<<<<< ours", /the lock of media is no JSON \(a merge conflict\?\)/],
  ["null", "null", /has version undefined, expected 1/],
  ["another version", '{"version": 2, "media": {}}', /has version 2, expected 1/],
  ["a lock without media", '{"version": 1}', /the lock of media has no "media"/],
  ["a sum that is none", '{"version": 1, "media": {"a.iso": "sha256:12"}}', /the checksum of "a\.iso" is "sha256:12"/],
  ["another kind of sum", `{"version": 1, "media": {"a": "md5:${"a".repeat(64)}"}}`, /the checksum of "a" is/],
])("fails for %s, with the file and what to do", (_, text, message) => {
  writeFileSync(file, text);
  expect(() => readMediaLock(file)).toThrow(message);
  expect(() => readMediaLock(file)).toThrow(/visa-media\.lock\.json: .*\n {2}fix: take it from version control again/);
  expect(() => addToMediaLock(file, "b.iso", sum("b"))).toThrow(message);
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("fails where the lock cannot be written, and says which checksum to state", () => {
  const nowhere = join(file, "..", "missing", MEDIA_LOCK_FILE);
  expect(() => addToMediaLock(nowhere, "a.iso", sum("a"))).toThrow(
    new RegExp(`cannot write the lock of media: .*\\n {2}fix: .*state the medium's checksum.*: ${sum("a")}`),
  );
});
