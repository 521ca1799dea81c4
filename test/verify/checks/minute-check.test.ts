import { type PortState, problemOf } from "../../../lib/verify/checks/minute-check";

const before: readonly PortState[] = [
  { port: 3389, unit: "xrdp.service", tasks: 2, memoryKib: 3000 },
  { port: 4822, unit: "guacd.service", tasks: 5, memoryKib: 9000 },
];
const changed = (values: Partial<PortState>) => [{ ...(before[0] as PortState), ...values }, before[1] as PortState];

test("what is as before, or less, is no problem; nor is a little memory", () => {
  expect(problemOf(before, before)).toBeUndefined();
  expect(problemOf(before, changed({ tasks: 1, memoryKib: 5000 }))).toBeUndefined();
});

test.each<[string, readonly PortState[], string]>([
  ["a process more", changed({ tasks: 3 }), "xrdp.service has 3 tasks, before it had 2"],
  ["a leak", changed({ memoryKib: 9000 }), "xrdp.service has 6000 KiB of memory more than before"],
  ["a service that is gone", before.slice(1), "nothing listens on 3389 any more (xrdp.service)"],
])("fails for %s", (_, after, problem) => {
  expect(problemOf(before, after)).toBe(problem);
});
