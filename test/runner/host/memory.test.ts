import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { recall, remember, stateOf } from "../../../lib/runner/host/memory";

let folder: string;
let file: string;
let note: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "visa-image-memory-"));
  file = join(folder, "file");
  note = join(folder, "note.json");
  writeFileSync(file, "content");
  remember(note, stateOf(file), "finding");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function changeNote(change: (note: Record<string, string | number>) => object): void {
  const own = JSON.parse(readFileSync(note, "utf8"));
  writeFileSync(note, JSON.stringify({ ...own, ...change(own) }));
}

test("what was found out about a file is known while nobody writes to it", () => {
  expect(recall(note, file)).toBe("finding");
  expect(readdirSync(folder).sort()).toEqual(["file", "note.json"]);
  const { atime, mtime } = statSync(file);
  writeFileSync(file, "CONTENT");
  utimesSync(file, atime, mtime);
  expect(recall(note, file)).toBeUndefined();
});

test("what was written while it was found out is seen", () => {
  const before = stateOf(file);
  writeFileSync(file, "CONTENT");
  remember(note, before, "finding");
  expect(recall(note, file)).toBeUndefined();
});

test.each([
  ["after an hour", ({ time }) => ({ time: Number(time) - 3601 })],
  ["from a boot that ran longer", ({ time }) => ({ time: Number(time) + 1000 })],
  ["from another boot", ({ state }) => ({ state: String(state).replace(/^\S+/, "another") })],
  ["without a finding", () => ({ finding: 1 })],
] as [string, (note: Record<string, string | number>) => object][])("it is not %s", (_, change) => {
  changeNote(change);
  expect(recall(note, file)).toBeUndefined();
});

test("nothing is known where there is no note, a broken one, or no file", () => {
  expect(recall(join(folder, "none"), file)).toBeUndefined();
  writeFileSync(note, "no JSON");
  expect(recall(note, file)).toBeUndefined();
  remember(note, stateOf(file), "finding");
  rmSync(file);
  expect(recall(note, file)).toBeUndefined();
});

test("where a note cannot be written nothing is remembered, and nothing left", () => {
  remember(join(folder, "none", "note"), stateOf(file), "finding");
  remember(folder, stateOf(file), "finding");
  expect(readdirSync(folder).sort()).toEqual(["file", "note.json"]);
});
