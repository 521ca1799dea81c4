import { bootTimes, describeBootEvents, describeFirstPicture } from "../../lib/verify/boot-times";
import type { Finding } from "../../lib/verify/verify-report";

const finding = (number: number, detail: string, verdict: Finding["verdict"] = "pass"): Finding => ({
  ...{ number, name: "", verdict, detail, seconds: 0 },
});

test("the times that the checks write are read again", () => {
  const ports = describeBootEvents({ owner: 77.04, "3389": 82.7, "4822": 80.3 });
  const picture = `1280x720, 499 colours; ${describeFirstPicture(18.84)}`;
  expect(ports).toBe("since the boot: owner 77.0 s, 3389 82.7 s, 4822 80.3 s");
  expect(bootTimes([finding(12, ports), finding(17, picture)]).map(({ seconds }) => seconds)).toEqual([
    77, 80.3, 82.7, 18.8,
  ]);
});

test("a port that never opened has no time, nor has what failed or is not there", () => {
  const ports = describeBootEvents({ owner: 20 });
  expect(ports).toBe("since the boot: owner 20.0 s, 3389 not open, 4822 not open");
  expect(bootTimes([finding(12, ports)])).toEqual([{ what: "boot, until the owner exists", seconds: 20 }]);
  expect(bootTimes([finding(12, ports, "fail")])).toEqual([]);
  expect(bootTimes([])).toEqual([]);
});
