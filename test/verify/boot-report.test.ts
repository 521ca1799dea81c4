import {
  type BootReport,
  bootReport,
  compareBoots,
  grownUnits,
  type KeptBoot,
  unitSeconds,
} from "../../lib/verify/boot-report";
import { NotApplicable } from "../../lib/verify/not-applicable";

const units = (values: Record<string, number>) => new Map(Object.entries(values));
const UNITS = { "cloud-init.service": 12, "networking.service": 4, "xrdp.service": 1 };
/** A boot of a machine that nobody else uses. */
const alone = (yardstick: number, times: Record<string, number>, of: Record<string, number> = UNITS): BootReport => {
  const measured = Object.entries(times).map(([step, seconds]) => [step, { seconds, own: seconds }]);
  return bootReport(yardstick, units(of), Object.fromEntries(measured));
};
const BEFORE = alone(2, { owner: 60, ports: 64, firstPicture: 8 });
const kept = (boot: BootReport = BEFORE): KeptBoot => ({ release: "5c329d84cf97", accelerator: "tcg", boot });
const compare = (boot: BootReport, budget: Record<string, number>, inUse: KeptBoot | string = kept()) =>
  compareBoots(boot, "tcg", { budget, inUse });

test("keeps seconds and multiples of the yardstick, and the slowest units", () => {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`u${i}.service`, i + 0.123456]));
  const owner = { seconds: 150.123456, own: 50.123456 };
  const report = bootReport(2.5, units(many), { owner, ports: undefined, firstPicture: { seconds: 6, own: 5 } });
  expect(report).toMatchObject({
    ...{ version: 1, yardstickSeconds: 2.5 },
    ...{ seconds: { owner: 150.1, firstPicture: 6 }, ownSeconds: { owner: 50.12, firstPicture: 5 } },
    ratios: { owner: 20.05, firstPicture: 2 },
  });
  expect(report.seconds).not.toHaveProperty("ports");
  const names = Object.keys(report.units);
  expect([names.length, names[0], names.at(-1)]).toEqual([30, "u39.service", "u10.service"]);
});

test("a unit takes from its start until it is active, or until it ends", () => {
  const shown = [
    "Id=oneshot.service\nInactiveExitTimestampMonotonic=1000000\nActiveEnterTimestampMonotonic=0\nInactiveEnterTimestampMonotonic=21500000",
    "Id=daemon.service\nInactiveExitTimestampMonotonic=2000000\nActiveEnterTimestampMonotonic=2500000\nInactiveEnterTimestampMonotonic=0",
    "Id=never.service\nInactiveExitTimestampMonotonic=0\nActiveEnterTimestampMonotonic=0\nInactiveEnterTimestampMonotonic=0",
    "Id=still.service\nInactiveExitTimestampMonotonic=3000000\nActiveEnterTimestampMonotonic=0\nInactiveEnterTimestampMonotonic=0",
  ].join("\n\n");
  expect([...unitSeconds(shown)]).toEqual([
    ["oneshot.service", 20.5],
    ["daemon.service", 0.5],
  ]);
});

test("neither a slower machine nor a busier one is a slow image", () => {
  const all = { owner: 0.01, ports: 0.01, firstPicture: 0.01 };
  expect(compare(alone(6, { owner: 180, ports: 192, firstPicture: 24 }), all)).toBe(
    "release 5c329d84cf97 in use: owner 180.0 s, was 180.0 s (+0 %, allowed +1 %); " +
      "ports 192.0 s, was 192.0 s (+0 %, allowed +1 %); firstPicture 24.0 s, was 24.0 s (+0 %, allowed +1 %); " +
      "at the speed of this machine, without what others took of it",
  );
  const busy = { owner: { seconds: 200, own: 60 }, firstPicture: { seconds: 30, own: 7 } };
  expect(compare(bootReport(2, units(UNITS), busy), all)).toContain(
    "owner 60.0 s, was 60.0 s (+0 %, allowed +1 %); firstPicture 7.0 s, was 8.0 s (−12 %, allowed +1 %)",
  );
});

test("fails by what is over its budget alone, and names the units that grew", () => {
  const slow = { "slow.service": 20, "cloud-init.service": 7, "networking.service": 6, "xrdp.service": 0.5 };
  const boot = alone(1, { owner: 40, ports: 33, firstPicture: 4 }, slow);
  expect(() => compare(boot, { owner: 0.25, ports: 0.25 })).toThrow(
    "slower than the release in use (5c329d84cf97): owner 40.0 s, was 30.0 s (+33 %, allowed +25 %); " +
      "units that grew: slow.service 20.0 s (new among the slowest), networking.service 6.0 s (was 2.0 s); " +
      "at the speed of this machine, without what others took of it",
  );
  expect(compare(boot, { owner: 0.34, ports: 0.25 })).toContain("(+33 %, allowed +34 %)");
  // What is not named is not looked at.
  expect(compare(boot, { firstPicture: 0.1 })).not.toContain("owner");
});

test("the units of a busy machine did not grow", () => {
  const busy = bootReport(2, units({ ...UNITS, "cloud-init.service": 36 }), { owner: { seconds: 180, own: 60 } });
  expect(grownUnits(busy, BEFORE)).toEqual([]);
  expect(grownUnits(BEFORE, BEFORE)).toEqual([]);
  expect(() => compare(alone(2, { owner: 90 }), { owner: 0.25 })).toThrow("none of the units that are kept grew");
});

test.each<[string, KeptBoot | string, string]>([
  ["there is no release yet", "no release in use", "no release in use"],
  ["it was measured in another way", kept({ ...BEFORE, version: 0 }), "measured by another version"],
  ["it ran otherwise", { ...kept(), accelerator: "kvm" }, "was measured with kvm, and this is tcg"],
  ["the step is not known", kept({ ...BEFORE, ratios: {} }), "nothing of the budget is known of the release in use"],
])("does not apply where %s", (_, inUse, reason) => {
  expect(() => compare(BEFORE, { owner: 0.25 }, inUse)).toThrow(NotApplicable);
  expect(() => compare(BEFORE, { owner: 0.25 }, inUse)).toThrow(reason);
});
