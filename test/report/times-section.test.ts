import { renderTimes } from "../../lib/report/times-section";
import type { VerifyReport } from "../../lib/verify/verify-report";
import { layer, page } from "./sample-page";

const widths = (text = "") => [...text.matchAll(/<rect width="([\d.]+)"/g)].map(([, width]) => Number(width));

test("the longest of each has the whole width", () => {
  const text = renderTimes({ ...page, layers: [{ ...layer, template: "base", durationSeconds: 95 }, layer] })?.text;
  expect(widths(text)).toEqual([50, 100, 93.1, 97.1, 100]);
  expect(text).toContain("Build, by layer: 4 min 45 s in all");
});

test("a layer that was downloaded was not built, and a time of 0 divides nothing", () => {
  const source = { glance: "", imageId: "", imageName: "", sha512: "", properties: {} };
  const layers = [
    { ...layer, source },
    { ...layer, durationSeconds: 0 },
  ];
  expect(widths(renderTimes({ ...page, layers, verification: undefined })?.text)).toEqual([0]);
});

test("multiples of the yardstick are told where a report has them", () => {
  const boot = { version: 1, yardstickSeconds: 2, seconds: {}, ownSeconds: {}, ratios: { owner: 30.04, ports: 32 } };
  const verification = { ...(page.verification as VerifyReport), boot: { ...boot, units: {} } };
  expect(renderTimes({ ...page, verification })?.text).toContain(
    "By the yardstick of that boot: owner 30.0, ports 32.0.",
  );
  expect(renderTimes(page)?.text).not.toContain("yardstick");
});

test("without any time there is nothing to show", () => {
  expect(renderTimes({ ...page, layers: undefined, verification: undefined })).toBeUndefined();
});
