import { hostname } from "node:os";
import { isAbandoned, markOf, readMark, writeMark } from "../../../lib/runner/cloud/build-mark";

const until = new Date("2026-11-28T12:00:00Z");

test("a mark is read as it was written, within what Nova takes", () => {
  const mark = markOf(until);
  expect(mark.host).toBe(hostname());
  expect(readMark(writeMark(mark))).toEqual(mark);
  const longest = {
    ...mark,
    host: "h".repeat(64),
    worker: { ...mark.worker, pid: 4194304, startTime: "9".repeat(12) },
  };
  expect(writeMark(longest).length).toBeLessThanOrEqual(255);
});

test("fails to read what somebody else has written there", () => {
  expect(readMark(undefined)).toBeUndefined();
  expect(readMark("visa-build")).toBeUndefined();
  expect(readMark("visa-build host pid:[1] 1 2 boot tomorrow")).toBeUndefined();
});

test("a build of this machine is abandoned once its process has ended, one of another machine when its time is over", () => {
  const before = until.getTime() - 1000;
  const mark = markOf(until);
  const ended = { ...mark, worker: { ...mark.worker, startTime: "1" } };
  expect(isAbandoned(mark, before)).toBe(false);
  expect(isAbandoned(ended, before)).toBe(true);
  expect(isAbandoned({ ...ended, host: "elsewhere" }, before)).toBe(false);
  // Another container of the same name: its pids mean nothing here.
  expect(isAbandoned({ ...ended, namespace: "pid:[1]" }, before)).toBe(false);
  expect(isAbandoned({ ...ended, host: "elsewhere" }, until.getTime() + 3600_000)).toBe(true);
});
