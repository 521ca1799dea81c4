import Ajv from "ajv";
import type { GuestPackages } from "../../../lib/runner/guest/guest-report";
import { cycloneDx } from "../../../lib/runner/guest/sbom";

const SUBJECT = {
  template: "visa-apps",
  fingerprint: "ab".repeat(32),
  createdAt: "2026-11-23T10:00:00.000Z",
  packageVersion: "0.1.0",
};
const PACKAGES: GuestPackages = {
  system: "debian",
  systemVersion: "12",
  packages: [
    { name: "libstdc++6", version: "12.2.0-14+deb12u1", architecture: "amd64" },
    { name: "bind9-host", version: "1:9.18.33-1~deb12u2", architecture: "amd64" },
    { name: "adduser", version: "3.134", architecture: "all" },
  ],
};

/** What we use of CycloneDX 1.5, after its specification: nothing besides is allowed. */
const text = { type: "string", minLength: 1 };
const component = (types: string[], ...required: string[]) => ({
  type: "object",
  additionalProperties: false,
  required: ["type", "name", ...required],
  properties: {
    type: { enum: types },
    "bom-ref": text,
    name: text,
    version: { type: "string" },
    description: text,
    purl: {
      type: "string",
      pattern: "^pkg:deb/[a-z0-9.-]+/[a-z0-9.%A-F-]+@[^@?#:+ ]+\\?arch=[a-z0-9]+(&distro=[a-z0-9.-]+)?$",
    },
  },
});
const SCHEMA = {
  type: "object",
  additionalProperties: false,
  required: ["bomFormat", "specVersion", "version", "serialNumber", "metadata", "components"],
  properties: {
    $schema: { const: "http://cyclonedx.org/schema/bom-1.5.schema.json" },
    bomFormat: { const: "CycloneDX" },
    specVersion: { const: "1.5" },
    serialNumber: {
      type: "string",
      pattern: "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    },
    version: { type: "integer", minimum: 1 },
    metadata: {
      type: "object",
      additionalProperties: false,
      required: ["timestamp", "tools", "component"],
      properties: {
        timestamp: { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$" },
        tools: {
          type: "object",
          additionalProperties: false,
          properties: { components: { type: "array", items: component(["application"], "version") } },
        },
        component: component(["operating-system"], "version", "bom-ref"),
      },
    },
    components: {
      type: "array",
      uniqueItems: true,
      minItems: 1,
      items: component(["library"], "version", "bom-ref", "purl"),
    },
  },
};

test("is CycloneDX, with a package URL for each package", () => {
  const bom = JSON.parse(cycloneDx(SUBJECT, PACKAGES));
  const validate = new Ajv({ allErrors: true }).compile(SCHEMA);
  validate(bom);
  expect(validate.errors ?? []).toEqual([]);
  expect(bom.components.map((each: { purl: string }) => each.purl)).toEqual([
    "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12",
    "pkg:deb/debian/bind9-host@1%3A9.18.33-1~deb12u2?arch=amd64&distro=debian-12",
    "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12",
  ]);
  expect(bom.metadata.component).toMatchObject({ name: "visa-apps", "bom-ref": SUBJECT.fingerprint });
});

test("is the same text for the same image, whatever the order of the packages", () => {
  const other = { ...PACKAGES, packages: [...PACKAGES.packages].reverse() };
  expect(cycloneDx(SUBJECT, other)).toBe(cycloneDx(SUBJECT, PACKAGES));
  expect(cycloneDx({ ...SUBJECT, createdAt: "2026-11-24T10:00:00.000Z" }, PACKAGES)).not.toBe(
    cycloneDx(SUBJECT, PACKAGES),
  );
});
