import { duration, Progress, type ProgressOptions, size } from "../../../lib/runner/output/progress";

function show(options: Omit<ProgressOptions, "stream">, act: (progress: Progress) => void): string {
  let text = "";
  const progress = new Progress({ ...options, stream: { write: (more) => (text += more) } });
  act(progress);
  progress.stop();
  return text;
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test("in a pipe, one line for a step and one each half minute", () => {
  const text = show({}, (progress) => {
    progress.startLayer("visa-base", 2, 3, 5);
    progress.startStep("starting the machine");
    jest.advanceTimersByTime(72_000);
    progress.startStep("scripts/desktop.sh");
  });
  expect(text.split("\n")).toEqual([
    "[visa-base] 1/5 starting the machine (0 s)",
    "[visa-base] 1/5 starting the machine (30 s)",
    "[visa-base] 1/5 starting the machine (1 min 0 s)",
    "[visa-base] 2/5 scripts/desktop.sh (1 min 12 s)",
    "",
  ]);
});

test("on a terminal, one line that renews itself, never wider than the terminal", () => {
  const text = show({ terminal: true, columns: 60 }, (progress) => {
    progress.startLayer("visa-base", 2, 3, 5);
    progress.startStep(`scripts/${"long".repeat(30)}.sh`);
    jest.advanceTimersByTime(3000);
  });
  expect(text).not.toContain("\n");
  const lines = text.split("\r\u001b[2K").filter(Boolean);
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line.length).toBeLessThan(60);
  expect(lines.at(-1)).toContain("[visa-base] layer 2/3, step 1/5");
});

test("colours only where it is told to", () => {
  const act = (progress: Progress) => progress.warn("careful");
  expect(show({}, act)).toBe("careful\n");
  const layered = (progress: Progress) => {
    progress.startLayer("a", 1, 1, 1);
    progress.warn("careful");
  };
  expect(show({ color: true }, layered)).toContain("\u001b[33m");
  expect(show({}, layered)).toBe("[a] warning: careful\n");
});

test("says only warnings when it is to be quiet, and what the guest prints only when asked", () => {
  const act = (progress: Progress) => {
    progress.startLayer("a", 1, 1, 1);
    progress.startStep("step");
    progress.message("message");
    progress.toolLine("guest");
    progress.warn("careful");
  };
  expect(show({ quiet: true }, act)).toBe("[a] warning: careful\n");
  expect(show({ verbose: true }, act)).toContain("  guest\n");
});

test("times and sizes as people say them", () => {
  expect([0, 59_400, 60_000, 3_599_000, 3_725_000].map(duration)).toEqual([
    "0 s",
    "59 s",
    "1 min 0 s",
    "59 min 59 s",
    "1 h 2 min",
  ]);
  expect([200, 2 ** 20, 843 * 2 ** 20, 2 ** 32].map(size)).toEqual(["1 KiB", "1 MiB", "843 MiB", "4.0 GiB"]);
});
