import { readDebianBill } from "../../lib/stale/debian-bill";
import { billOf } from "./mirror";

test("the Debian packages of a bill; the others are counted", () => {
  const bill = billOf({ openssl: "3.0.17-1~deb12u2", libc6: "2.36-9+deb12u10" }, "visa-base", [
    { name: "numpy", version: "2.1", purl: "pkg:pypi/numpy@2.1" },
    { name: "a file" },
  ]);
  const { packages, layers: _, ...rest } = readDebianBill(bill, "sbom.cdx.json");
  expect([...packages]).toEqual([
    ["openssl", "3.0.17-1~deb12u2"],
    ["libc6", "2.36-9+deb12u10"],
  ]);
  expect(rest).toEqual({ subject: "visa-base", release: "12", others: 2 });
});

test("the layer that brought a package, where the bill says it", () => {
  const layer = { name: "visa-image:layer", value: "system-base" };
  const more = { ...JSON.parse(billOf({ a: "1" })).components[0], properties: [{ name: "x", value: "y" }, layer] };
  expect([...readDebianBill(billOf({ b: "1" }, "x", [more]), "x").layers]).toEqual([["a", "system-base"]]);
});

test("a bill of another tool is as good, where it says which Debian its packages are of", () => {
  const purl = "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12&upstream=adduser";
  const bom = { bomFormat: "CycloneDX", components: [{ name: "adduser", version: "3.134", purl }] };
  expect(readDebianBill(JSON.stringify(bom), "syft.json").packages.get("adduser")).toBe("3.134");
});

test.each([
  ["one that is cut off", billOf({ a: "1" }).slice(0, -20), "is no JSON, or is cut off"],
  ["SPDX", '{"spdxVersion":"SPDX-2.3","packages":[]}', "is no CycloneDX: its format is SPDX"],
  ["any other JSON", '{"version":1}', "is no CycloneDX: its format is null"],
  ["nothing", "null", "is no CycloneDX"],
  ["one without Debian packages", billOf({}), "has no Debian packages that say which Debian they are of"],
  [
    "packages of a Debian that is not said",
    '{"bomFormat":"CycloneDX","components":[{"name":"a","version":"1","purl":"pkg:deb/debian/a@1?arch=amd64"}]}',
    "has no Debian packages that say which Debian they are of",
  ],
  [
    "two Debians in one",
    billOf({ a: "1" }, "x", [{ name: "b", version: "1", purl: "pkg:deb/debian/b@1?arch=all&distro=debian-13" }]),
    "is of several Debians: 12, 13",
  ],
])("fails for %s", (_, text, message) => {
  expect(() => readDebianBill(text, "sbom.cdx.json")).toThrow(`sbom.cdx.json: the bill of materials ${message}`);
});
