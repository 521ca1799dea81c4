import { ExitCode, usageError, VisaImageError } from "../lib/errors";
import { mapAll, Problems, problemsOf, SeveralErrors } from "../lib/problems";

const wrong = (what: string, line = 1) => usageError(what, { file: "a.yml", line }, "correct it");
const thrownBy = (work: () => unknown): VisaImageError => {
  try {
    work();
  } catch (error) {
    return error as VisaImageError;
  }
  throw new Error("nothing was thrown");
};

test("without an error all results are there", () => {
  expect(mapAll([1, 2], (each, i) => each + i)).toEqual([1, 3]);
  expect(() => new Problems().throwAny()).not.toThrow();
});

test("fails for one thing with that very error", () => {
  const own = wrong("x");
  const thrown = thrownBy(() =>
    mapAll([1, 2], (each) => {
      if (each === 2) throw own;
    }),
  );
  expect(thrown).toBe(own);
  expect(problemsOf(thrown)).toEqual([own]);
});

test("fails for several things with all of them, each once and with its place", () => {
  const thrown = thrownBy(() =>
    mapAll([3, 1, 3, 2], (each) =>
      mapAll([each, 9], (line) => {
        throw wrong("x", line);
      }),
    ),
  );
  expect(thrown).toBeInstanceOf(SeveralErrors);
  expect(thrown).toMatchObject({ exitCode: ExitCode.USAGE });
  expect(thrown.message).toBe(
    `4 things have to be put right:\n${[3, 9, 1, 2].map((line) => `a.yml:${line}: x\n  fix: correct it`).join("\n")}`,
  );
  expect(problemsOf(thrown).map(({ location }) => location?.line)).toEqual([3, 9, 1, 2]);
});

test("fails for hundreds of things with the first of them, and the number", () => {
  const thrown = thrownBy(() =>
    mapAll(Array(300).keys(), (line) => {
      throw wrong("x", line + 1);
    }),
  );
  expect(thrown.message.split("\n").filter((line) => line.startsWith("a.yml"))).toHaveLength(25);
  expect(thrown.message).toMatch(/^300 things have to be put right:\n(.*\n)*… and 275 more, once these are$/);
});

test.each([
  ["an error of the program", new TypeError("x")],
  ["what is no fault of the input", new VisaImageError("x")],
])("fails at once for %s", (_, error) => {
  const problems = new Problems();
  problems.add(wrong("y"));
  expect(() =>
    problems.attempt(() => {
      throw error;
    }),
  ).toThrow(error);
});
