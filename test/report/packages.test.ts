import { packageRows } from "../../lib/report/packages";
import type { Bill, BillPackage } from "../../lib/runner/guest/read-sbom";

const bill = (template: string, packages: readonly BillPackage[]): Bill => ({
  ...{ template, fingerprint: "ab", createdAt: "2026-11-28T00:00:00Z", packages },
});
const deb = (name: string, version: string): BillPackage => ({ type: "deb", environment: "", name, version });
const numpy = (environment: string): BillPackage => ({ type: "pypi", environment, name: "numpy", version: "2.3" });

test("each package goes by the lowest layer that has it in this version", () => {
  const below = bill("system-base", [deb("bash", "1"), deb("openssl", "1"), deb("gone", "1")]);
  const above = bill("visa-base", [deb("xrdp", "3"), deb("openssl", "2"), deb("bash", "1")]);
  expect(packageRows([below, above]).map(({ name, version, layer }) => [name, version, layer])).toEqual([
    ["bash", "1", "system-base"],
    ["openssl", "2", "visa-base"],
    ["xrdp", "3", "visa-base"],
  ]);
});

test("what the bill says of kind, layer, environment and licence is shown", () => {
  const known = { ...numpy("/opt/silx"), license: "BSD-3-Clause", layer: "visa-base" };
  expect(packageRows([bill("visa-apps", [known])])).toEqual([
    {
      ...{ name: "numpy", version: "2.3", kind: "pypi", layer: "visa-base" },
      ...{ place: "/opt/silx", licence: "BSD-3-Clause" },
    },
  ]);
});

test("one package in two environments is two", () => {
  const bills = [bill("below", [numpy("/opt/a")]), bill("above", [numpy("/opt/b"), numpy("/opt/a")])];
  expect(packageRows(bills).map(({ place, layer }) => [place, layer])).toEqual([
    ["/opt/a", "below"],
    ["/opt/b", "above"],
  ]);
});
