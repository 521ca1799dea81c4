import { type BootBudget, bootBudgetText, checkBootBudget, parseBootBudget } from "../lib/boot-budget";

test("is the same on a command line and back, in the order of the boot", () => {
  const budget = { firstPicture: 0.5, owner: 0.25 };
  expect(bootBudgetText(budget)).toBe("owner=0.25,firstPicture=0.5");
  expect(parseBootBudget(bootBudgetText(budget))).toEqual(budget);
  expect(parseBootBudget(" ports = 0.1 ")).toEqual({ ports: 0.1 });
});

test.each<[string, string]>([
  ["ower=0.25", '"bootBudget.ower" is nothing that a boot is measured by\n  fix: did you mean "owner"?'],
  ["owner", '"bootBudget.owner" is NaN, expected a share above 0 and up to 10: 0.25 is a quarter'],
  ["owner=25", '"bootBudget.owner" is 25, expected a share above 0 and up to 10: 0.25 is a quarter'],
  ["owner=0", '"bootBudget.owner" is 0, expected a share above 0'],
  ["owner=-1", '"bootBudget.owner" is -1, expected'],
])("fails for %s", (text, message) => {
  expect(() => parseBootBudget(text)).toThrow(message);
});

test("fails where nothing is looked at, and for what is no number", () => {
  expect(() => checkBootBudget({})).toThrow('"bootBudget" is empty: nothing would be looked at');
  expect(() => checkBootBudget({ owner: undefined })).toThrow("is empty");
  expect(() => checkBootBudget({ owner: "0.25" } as unknown as BootBudget)).toThrow(
    '"bootBudget.owner" is 0.25, expected',
  );
});
