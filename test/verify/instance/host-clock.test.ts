/** What a busy machine takes from a boot, by what Linux counts for each thread. */
import { HostClock, type Look, mostWaited } from "../../../lib/verify/instance/host-clock";

const look = (at: number, first: number, second: number): Look => ({
  at,
  waited: new Map([
    ["11", first],
    ["12", second],
  ]),
});
const LOOKS = [look(1000, 0, 0), look(2000, 100, 300), look(3000, 1100, 300), look(4000, 1100, 900)];

test("what was waited is that of the processor that waited most in just that time", () => {
  expect(mostWaited(LOOKS, 1000, 2000)).toBe(300);
  expect(mostWaited(LOOKS, 2000, 3000)).toBe(1000);
  expect(mostWaited(LOOKS, 1000, 4000)).toBe(1100);
});

test("between two looks it grows evenly; before the first and after the last nothing is known", () => {
  expect(mostWaited(LOOKS, 1500, 2000)).toBe(150);
  expect(mostWaited(LOOKS, 2000, 2250)).toBe(250);
  expect(mostWaited(LOOKS, 0, 1000)).toBe(0);
  expect(mostWaited(LOOKS, 3000, 99_000)).toBe(600);
  expect(mostWaited([], 0, 1000)).toBe(0);
});

test("a processor that came later has waited since it came", () => {
  const later: Look = { at: 5000, waited: new Map([["13", 7]]) };
  expect(mostWaited([look(1000, 1, 1), later], 1000, 5000)).toBe(7);
});

test("where nothing is counted, nothing is taken off; the yardstick is this machine's own", () => {
  const clock = new HostClock(process.pid);
  try {
    // This process has no thread that is a guest's processor.
    expect(clock.ownSeconds(1000, 3500)).toBe(2.5);
    // A thousand million rounds take no processor less.
    expect(clock.yardstickSeconds()).toBeGreaterThan(0.1);
  } finally {
    clock.stop();
  }
});
