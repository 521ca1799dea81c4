import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import fc from "fast-check";
import { ContentsReader, type EnvironmentPackage, type GuestContents } from "../../../lib/runner/guest/guest-contents";
import type { GuestPackages } from "../../../lib/runner/guest/guest-report";
import { readBill } from "../../../lib/runner/guest/read-sbom";
import { cycloneDx } from "../../../lib/runner/guest/sbom";

// The validator compiles a schema, which takes seconds on a busy machine.
jest.setTimeout(60_000);

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
const NUMPY: EnvironmentPackage = {
  ...{ type: "pypi", environment: "/opt/kernels/python3", name: "numpy", version: "2.4.6" },
  license: "BSD-3-Clause AND 0BSD",
};
const CONTENTS: GuestContents = {
  packages: [
    NUMPY,
    { ...NUMPY, environment: "/opt/jupyter" },
    { type: "pypi", environment: "/opt/jupyter", name: "Jupyter_Client", version: "8.6", license: "BSD License" },
    {
      ...{ type: "conda", environment: "/opt/mantid", name: "mantid", version: "6.13.0", license: "GPL-3.0-or-later" },
      ...{ build: "py311h0_0", channel: "https://u:pw@conda.example.org/t/SECRET/mantid/linux-64", subdir: "linux-64" },
    },
  ],
  kernels: [{ name: "python3", title: "Python 3 (scientific)", environment: "/opt/kernels/python3" }],
  applications: [{ name: "silx.desktop", title: "silx view" }],
  units: ["ssh.service", "xrdp.service"],
  users: [{ name: "root", uid: "0", shell: "/bin/bash" }],
  incomplete: [],
};
const GUEST = { packages: PACKAGES, contents: CONTENTS };
const BASE = { base: true };

const made = (guest: Parameters<typeof cycloneDx>[1] = GUEST, below: Parameters<typeof cycloneDx>[2] = BASE) =>
  cycloneDx(SUBJECT, guest, below)?.text ?? "";
const complaints = (text: string) => new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);

test("is CycloneDX 1.6 to its strict validator, with a package URL for each package", async () => {
  const text = made();
  expect(await complaints(text)).toBeNull();
  const bom = JSON.parse(text);
  expect(bom.specVersion).toBe("1.6");
  expect(bom.metadata.component).toMatchObject({ name: "visa-apps", "bom-ref": SUBJECT.fingerprint });
  expect(bom.components.map((each: { purl: string }) => each.purl).sort()).toEqual([
    "pkg:conda/mantid@6.13.0?build=py311h0_0&channel=mantid&subdir=linux-64",
    "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12",
    "pkg:deb/debian/bind9-host@1:9.18.33-1~deb12u2?arch=amd64&distro=debian-12",
    "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14+deb12u1?arch=amd64&distro=debian-12",
    "pkg:pypi/jupyter-client@8.6",
    "pkg:pypi/numpy@2.4.6",
    "pkg:pypi/numpy@2.4.6",
  ]);
  // A channel's address may hold a password and a token.
  expect(text).not.toMatch(/SECRET|u:pw/);
  expect(bom.components.find(({ name }: { name: string }) => name === "Jupyter_Client")).toMatchObject({
    licenses: [{ license: { name: "BSD License" } }],
    properties: [
      { name: "visa-image:environment", value: "/opt/jupyter" },
      { name: "visa-image:layer", value: "visa-apps" },
    ],
  });
});

test("is whole for what a built visa-apps printed", () => {
  const listing = readFileSync(join(__dirname, "../../fixtures/guest-contents/visa-apps.txt"), "utf8");
  const reader = new ContentsReader();
  for (const line of ['{"kind": "begin"}', ...listing.trim().split("\n")]) reader.take(line);
  const bill = readBill(made({ packages: PACKAGES, contents: reader.result }), "sbom.cdx.json");
  expect(bill.contents?.incomplete).toEqual([]);
  expect(bill.contents?.kernels).toEqual(CONTENTS.kernels);
  const count = (environment: string) => bill.packages.filter((each) => each.environment === environment).length;
  expect([count(""), count("/opt/jupyter"), count("/opt/kernels/python3")]).toEqual([3, 91, 40]);
  // All but these say their licence.
  const silent = bill.packages.filter(({ type, license }) => type === "pypi" && !license);
  expect(silent.map(({ name }) => name)).toEqual([]);
});

test("is accepted whatever a guest says", async () => {
  const text = fc.string({ minLength: 1, maxLength: 20, unit: "binary" });
  const one = fc.record({
    type: fc.constantFrom("pypi" as const, "conda" as const),
    ...{ name: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,9}$/), version: fc.stringMatching(/^[\w.+!-]{1,9}$/) },
    ...{ environment: text, license: text, build: text, channel: text, subdir: text },
  });
  const kernel = fc.record({ name: text, title: text, environment: text });
  // All at once: the validator is made anew for each bill, which takes half a second.
  const contents: GuestContents = {
    ...{
      packages: [...fc.sample(one, 300), { ...NUMPY, environment: "/x", license: "constructor" }],
      kernels: fc.sample(kernel, 50),
      applications: fc.sample(kernel, 50),
    },
    ...{ units: fc.sample(text, 50), users: [], incomplete: fc.sample(text, 50) },
  };
  const bill = made({ packages: PACKAGES, contents });
  expect(await complaints(bill)).toBeNull();
  const read = readBill(bill, "sbom.cdx.json").contents;
  expect(new Set(read?.units)).toEqual(new Set(contents.units));
  expect(read?.kernels).toEqual(expect.arrayContaining([...contents.kernels]));
});

test("is the same text for the same image, whatever the order of the packages", () => {
  const other = { ...PACKAGES, packages: [...PACKAGES.packages].reverse() };
  const contents = { ...CONTENTS, packages: [...CONTENTS.packages].reverse() };
  expect(made({ packages: other, contents })).toBe(made());
  const later = cycloneDx({ ...SUBJECT, createdAt: "2026-11-24T10:00:00.000Z" }, GUEST, BASE)?.text;
  expect(later).not.toBe(made());
});

test("is read as it was written", () => {
  const bill = readBill(made(), "sbom.cdx.json");
  const { packages, ...rest } = CONTENTS;
  expect(bill).toMatchObject({ template: "visa-apps", fingerprint: SUBJECT.fingerprint, contents: rest });
  expect(bill.createdAt).toBe(SUBJECT.createdAt);
  expect(bill.packages).toHaveLength(PACKAGES.packages.length + packages.length);
  expect(bill.packages).toContainEqual({ ...NUMPY, layer: "visa-apps" });
});

test("says which layer brought a package in this version", () => {
  const before = {
    packages: { ...PACKAGES, packages: PACKAGES.packages.slice(1) },
    contents: { ...CONTENTS, packages: [{ ...NUMPY, version: "2.4.5" }] },
  };
  const parent = cycloneDx({ ...SUBJECT, template: "visa-base" }, before, BASE)?.text ?? "";
  const layersOf = (text: string) =>
    Object.fromEntries(
      readBill(text, "b").packages.map(({ name, environment, layer }) => [`${environment} ${name}`, layer]),
    );
  expect(layersOf(made(GUEST, { base: false, bill: readBill(parent, "a") }))).toEqual({
    ...{ " adduser": "visa-base", " bind9-host": "visa-base", " libstdc++6": "visa-apps" },
    ...{ "/opt/jupyter numpy": "visa-apps", "/opt/kernels/python3 numpy": "visa-apps" },
    ...{ "/opt/jupyter Jupyter_Client": "visa-apps", "/opt/mantid mantid": "visa-apps" },
  });
  // Of a parent from Glance nothing is known, and of an older one only what Debian brought.
  expect(new Set(Object.values(layersOf(made(GUEST, { base: false }))))).toEqual(new Set([undefined]));
  const old = readBill(parent, "a");
  const { contents: _, ...known } = { ...old, packages: old.packages.filter(({ type }) => type === "deb") };
  expect(layersOf(made(GUEST, { base: false, bill: known }))).toMatchObject({
    ...{ " adduser": "visa-base", " libstdc++6": "visa-apps", "/opt/mantid mantid": undefined },
  });
});

test("there is none of a guest that said nothing, and one of a guest without dpkg", () => {
  expect(cycloneDx(SUBJECT, {}, BASE)).toBeUndefined();
  expect(cycloneDx(SUBJECT, { contents: CONTENTS }, BASE)?.packages).toBe(4);
});
