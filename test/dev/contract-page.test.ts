import { readFileSync } from "node:fs";
import { withMutations } from "../../dev/contract-page";
import { CONTRACT, CONTRACT_PARTS } from "../../lib/contract";
import { MUTATIONS } from "../verify/mutations/all-mutations";
import { assertionsOf } from "../verify/mutations/mutation";

const ofImage = [...CONTRACT.values()].filter(({ part }) => part !== "cloud");

test("docs/contract.md says what each assertion catches (npm run docs)", () => {
  const page = readFileSync("docs/contract.md", "utf8");
  expect(page).toBe(withMutations(page));
});

test("each assertion of an image has a mutation that it must catch, and no other one has", () => {
  const caught = new Set(MUTATIONS.flatMap(assertionsOf));
  expect([...caught].sort((a, b) => a - b)).toEqual(ofImage.map(({ number }) => number));
});

test("npm test looks at a third of the assertions, of each part a third", () => {
  const always = new Set(MUTATIONS.filter((mutation) => mutation.always).flatMap(assertionsOf));
  for (const part of CONTRACT_PARTS) {
    const numbers = ofImage.flatMap((assertion) => (assertion.part === part ? assertion.number : []));
    expect(numbers.filter((number) => always.has(number)).length).toBeGreaterThanOrEqual(numbers.length / 3);
  }
});
