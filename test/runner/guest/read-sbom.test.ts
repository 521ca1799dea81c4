import { readBill } from "../../../lib/runner/guest/read-sbom";

/** As version 0.1.0 wrote it before it knew environments. */
const OLD = {
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  metadata: {
    timestamp: "2026-11-23T10:00:00.000Z",
    tools: { components: [{ type: "application", name: "cdktf-visa-images", version: "0.1.0" }] },
    component: { type: "operating-system", "bom-ref": "ab".repeat(32), name: "visa-apps", version: "abababababab" },
  },
  components: [
    { type: "library", name: "bash", version: "5.2", purl: "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12" },
  ],
};
const read = (bom: unknown) => readBill(JSON.stringify(bom), "sbom.cdx.json");

test("reads the bills of before, which know no environments", () => {
  expect(read(OLD)).toEqual({
    template: "visa-apps",
    fingerprint: "ab".repeat(32),
    createdAt: "2026-11-23T10:00:00.000Z",
    packages: [{ type: "deb", environment: "", name: "bash", version: "5.2", architecture: "amd64" }],
  });
});

const syft = { ...OLD, metadata: { ...OLD.metadata, tools: { components: [{ name: "syft" }] } } };
const tomorrow = {
  ...OLD,
  metadata: {
    ...OLD.metadata,
    component: { ...OLD.metadata.component, properties: [{ name: "visa-image:version", value: "2" }] },
  },
};

test.each([
  ["another tool's", syft, /sbom\.cdx\.json: this bill of materials was made by "syft", and not by visa-image/],
  ["a nameless tool's", { ...OLD, metadata: {} }, /made by a tool that it does not name/],
  ["the list of tools of CycloneDX 1.4", { ...OLD, metadata: { tools: [{ name: "trivy" }] } }, /made by "trivy"/],
  ["one of tomorrow's version", tomorrow, /of a later version: 2, .*\n {2}fix: use the version of cdktf-visa-images/],
  ["one in tomorrow's CycloneDX", { ...OLD, specVersion: "2.0" }, /of a later version: 0, in CycloneDX 2\.0/],
  ["SPDX", { spdxVersion: "SPDX-2.3" }, /this is no bill of materials in CycloneDX's JSON/],
  ["a list", [], /no bill of materials/],
  ["one without packages", { ...OLD, components: undefined }, /not whole/],
  ["one with a package without a version", { ...OLD, components: [{ name: "a", purl: "pkg:deb/a" }] }, /not whole/],
  ["one without a subject", { ...OLD, metadata: { ...OLD.metadata, component: {} } }, /not whole/],
])("fails with its reason: %s", (_, bom, message) => {
  expect(() => read(bom)).toThrow(message);
});

test("fails with its reason: one that was cut off", () => {
  const text = JSON.stringify(OLD);
  expect(() => readBill(text.slice(0, 200), "sbom.cdx.json")).toThrow(/this is no JSON, or was cut off/);
});
