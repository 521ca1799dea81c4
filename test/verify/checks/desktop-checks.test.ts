/** What of a connection counts as the owner's desktop. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { showDesktop, shownIn } from "../../../lib/verify/checks/desktop-checks";
import type { Subject } from "../../../lib/verify/checks/subject";
import type { StillnessOptions } from "../../../lib/verify/guacamole/client";
import { scratchFolder } from "../../support/scratch";

/** A subject whose screen answers each wait for stillness in turn: whether it came. */
function subjectWith(...answers: boolean[]) {
  const reports = scratchFolder();
  const waits: StillnessOptions[] = [];
  const desktop = {
    size: { width: 1280, height: 720 },
    firstPictureSeconds: 1,
    statistics: () => ({ colours: 9, black: 0.9 }),
    screenshot: () => Buffer.from("picture"),
    waitForStillness: async (options: StillnessOptions) => {
      waits.push(options);
      if (!answers.shift()) throw new Error("the screen was not still");
    },
  };
  const subject = {
    ...{ owner: "ada", reports, guest: { run: async () => ({ code: 0 }) } },
    desktop: async () => desktop,
    seconds: (most: number) => most,
    waitFor: async (_: string, __: number, check: () => Promise<unknown>) => check(),
  };
  Object.assign(subject.guest, { events: async () => ({ "4822": 1 }) });
  return { subject: subject as unknown as Subject, waits, picture: join(reports, "desktop.png") };
}

test("a desktop with its background is shown", async () => {
  const { subject, waits, picture } = subjectWith(true, true);
  expect(await showDesktop(subject)).toMatch(/^1280x720, 9 colours; /);
  expect(readFileSync(picture, "utf8")).toBe("picture");
  expect(waits.map(({ maxBlack }) => maxBlack)).toEqual([undefined, 0.5]);
});

test("one whose background is black by itself is shown too, if there is something on it", async () => {
  const { subject, waits } = subjectWith(true, false, true);
  await showDesktop(subject);
  expect(waits.at(-1)).toMatchObject({ minColours: 8 });
});

test("fails, and shows no picture, where nothing but black follows what was seen first", async () => {
  const { subject, picture } = subjectWith(true, false, false);
  await expect(showDesktop(subject)).rejects.toThrow("the screen was not still");
  expect(existsSync(picture)).toBe(false);
});

/** A subject whose connection shows this share of fine colours. */
function showing(fine: number, ...parameters: string[]): Subject {
  const desktop = {
    ...{ parameters, statistics: () => ({ fine }), waitForStillness: async () => {} },
    [Symbol.asyncDispose]: async () => {},
  };
  return { connect: async () => desktop, seconds: (most: number) => most } as unknown as Subject;
}

test("colours are as fine as was asked for; guacd's graphics pipeline has the finest always", async () => {
  expect(await shownIn(16, showing(0))).toBe("asked for 16 bits, 0.0 % of the screen have more than 16");
  expect(await shownIn(24, showing(1))).toContain("100.0 %");
  expect(await shownIn(16, showing(0.989, "disable-gfx"))).toMatch(/98\.9 %.*graphics pipeline/);
});

test("fails where they are coarser, or finer for no reason", async () => {
  await expect(shownIn(24, showing(0))).rejects.toThrow("asked for 24 bits, 0.0 %");
  await expect(shownIn(16, showing(1))).rejects.toThrow("asked for 16 bits, 100.0 %");
  await expect(shownIn(16, showing(0, "disable-gfx"))).rejects.toThrow("asked for 16 bits, 0.0 %");
});
