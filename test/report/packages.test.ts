import { packageRows, readBill } from "../../lib/report/packages";

const bill = (components: unknown[]) => JSON.stringify({ bomFormat: "CycloneDX", components });
const deb = (name: string, version: string) => ({ name, version, purl: `pkg:deb/debian/${name}@${version}` });

test("each package goes by the lowest layer that has it in this version", () => {
  const below = readBill(bill([deb("bash", "1"), deb("openssl", "1"), deb("gone", "1")]), "system-base", "a");
  const above = readBill(bill([deb("xrdp", "3"), deb("openssl", "2"), deb("bash", "1")]), "visa-base", "b");
  expect(packageRows([below, above]).map(({ name, version, layer }) => [name, version, layer])).toEqual([
    ["bash", "1", "system-base"],
    ["openssl", "2", "visa-base"],
    ["xrdp", "3", "visa-base"],
  ]);
});

test("reads kind, licence and environment", () => {
  const numpy = {
    ...{ name: "numpy", version: "2.3", purl: "pkg:pypi/numpy@2.3" },
    licenses: [{ license: { id: "BSD-3-Clause" } }, { expression: "MIT" }, { license: { name: "zlib" } }],
    properties: [{ name: "visa-image:environment", value: "/opt/silx" }],
  };
  expect(packageRows([readBill(bill([numpy]), "visa-apps", "a")])).toEqual([
    {
      ...{ name: "numpy", version: "2.3", kind: "pypi", layer: "visa-apps" },
      ...{ place: "/opt/silx", licence: "BSD-3-Clause, MIT, zlib" },
    },
  ]);
});

test("one package in two environments is two", () => {
  const at = (value: string) => ({
    ...{ name: "numpy", version: "2.3", purl: "pkg:pypi/numpy@2.3" },
    properties: [{ name: "visa-image:environment", value }],
  });
  const below = readBill(bill([at("/opt/a")]), "below", "a");
  const above = readBill(bill([at("/opt/b"), at("/opt/a")]), "above", "b");
  expect(packageRows([below, above]).map(({ place, layer }) => [place, layer])).toEqual([
    ["/opt/a", "below"],
    ["/opt/b", "above"],
  ]);
});

test.each([
  ["that is cut off", bill([deb("bash", "1")]).slice(0, -5), /sbom.json.*cut off/s],
  ["of another format", '{"spdxVersion":"SPDX-2.3"}', /sbom.json.*bomFormat undefined, expected "CycloneDX"/s],
  ["without components", '{"bomFormat":"CycloneDX"}', /with components/],
  ["that is null", "null", /expected "CycloneDX"/],
  ["with a component without a name", bill([deb("bash", "1"), {}]), /component 2 .* has no name/],
  ["with a component that is null", bill([null]), /component 1 .* has no name/],
])("fails for a bill of materials %s", (_what, text, message) => {
  expect(() => readBill(text, "visa-base", "sbom.json")).toThrow(message);
});
