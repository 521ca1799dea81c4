import { compareSides } from "../../lib/diff/compare";
import { differenceMarkdown, differenceText } from "../../lib/diff/render";
import type { Side } from "../../lib/diff/side";
import type { Bill, BillContents, BillPackage } from "../../lib/runner/guest/read-sbom";
import type { Finding } from "../../lib/verify/verify-report";

const deb = (name: string, version: string, layer = "visa-base"): BillPackage => {
  return { type: "deb", environment: "", name, version, architecture: "amd64", layer };
};
const pypi = (name: string, version: string, environment = "/opt/jupyter"): BillPackage => {
  return { type: "pypi", environment, name, version, layer: "visa-apps" };
};
const CONTENTS: BillContents = {
  kernels: [{ name: "python3", title: "Python 3", environment: "/opt/kernels/python3" }],
  applications: [{ name: "silx.desktop", title: "silx view" }],
  units: ["ssh.service", "xrdp.service"],
  users: [{ name: "root", uid: "0", shell: "/bin/bash" }],
  incomplete: [],
};
const BILL: Bill = {
  ...{ template: "visa-apps", fingerprint: "ab".repeat(32), createdAt: "2026-11-23T10:00:00.000Z" },
  packages: [deb("openssl", "3.0.17-1~deb12u2"), deb("libc6", "2.36-9"), pypi("numpy", "2.4.6"), pypi("attrs", "1")],
  contents: CONTENTS,
};
const finding = (number: number | undefined, name: string, verdict: Finding["verdict"], detail = ""): Finding => {
  return { number, name, verdict, detail, seconds: 1 };
};
const FINDINGS = [
  finding(12, "ports open after the owner", "pass", "since the boot: owner 77.0 s, 3389 82.7 s, 4822 80.3 s"),
  finding(22, "a fresh token logs in", "pass"),
  finding(43, "killed, it is back", "not applicable"),
  finding(50, "only declared ports are open", "pass", "22, 3389, 4822"),
  finding(undefined, "silx starts", "pass"),
];
const SIDE: Side = {
  ...{ title: "release 5c329d84cf97 of images/desktop", template: "visa-apps", fingerprint: "ab".repeat(32) },
  ...{ built: "2026-11-23T10:00:00.000Z", bill: BILL, layerBytes: { "visa-base": 250_609_664, "visa-apps": 1 << 30 } },
  report: { parts: ["boot", "desktop"], findings: FINDINGS, accelerator: "tcg" },
};
const with_ = (bill: Partial<Bill>, side: Partial<Side> = {}): Side => ({
  ...SIDE,
  bill: { ...BILL, ...bill },
  ...side,
});

test("boots are compared by the yardstick of each, where both have one", () => {
  const boot = (owner: number) => ({
    ...{ version: 1, yardstickSeconds: 2, seconds: { owner: 99 }, ownSeconds: { owner: 2 * owner }, ratios: { owner } },
    units: {},
  });
  const side = (owner: number): Side => ({ ...SIDE, report: { ...SIDE.report, boot: boot(owner) } as Side["report"] });
  expect(differenceText(compareSides(side(30), side(41.26)))).toMatch(/owner by the yardstick +30\.0 → 41\.3/);
  expect(differenceText(compareSides(SIDE, side(30)))).toMatch(/owner by the yardstick +not known → 30\.0/);
  expect(differenceText(compareSides(SIDE, SIDE))).not.toContain("yardstick");
});

test("names what differs, counts it in the first line, and leaves out what is as before", () => {
  const packages = [
    deb("openssl", "3.0.17-1~deb12u3"),
    pypi("numpy", "2.4.10"),
    pypi("Attrs", "1"),
    pypi("new", "0.1"),
  ];
  const difference = compareSides(SIDE, with_({ packages }));
  expect(difference.headline).toBe("2 packages up, 1 added, 1 gone; nothing else");
  expect(difference.notCompared).toEqual([]);
  const [system, jupyter] = difference.sections;
  expect(system).toMatchObject({ title: "packages of the system", noun: ["package", "packages"] });
  expect(system?.changes).toEqual([
    { kind: "gone", name: "libc6", layer: "visa-base", before: "2.36-9", after: undefined },
    { kind: "up", name: "openssl", layer: "visa-base", before: "3.0.17-1~deb12u2", after: "3.0.17-1~deb12u3" },
  ]);
  expect([jupyter?.title, ...(jupyter?.changes ?? []).map(({ kind, name }) => `${kind} ${name}`)]).toEqual([
    ...["packages in /opt/jupyter", "added new", "up numpy"],
  ]);
});

test("one package of one layer is all that is said of it", () => {
  const packages = BILL.packages.with(0, deb("openssl", "3.0.17-1~deb12u3"));
  expect(differenceText(compareSides(SIDE, with_({ packages })))).toBe(`1 package up; nothing else

A  release 5c329d84cf97 of images/desktop, visa-apps abababababab, built 2026-11-23 10:00 UTC
B  release 5c329d84cf97 of images/desktop, visa-apps abababababab, built 2026-11-23 10:00 UTC

packages of the system
  up  openssl  3.0.17-1~deb12u2 → 3.0.17-1~deb12u3  visa-base

measured
  visa-base in the cache  239 MiB
  visa-apps in the cache  1.0 GiB
  boot until owner        1 min 17 s
  boot until port 3389    1 min 23 s
  boot until port 4822    1 min 20 s
`);
  expect(compareSides(SIDE, SIDE)).toMatchObject({ headline: "no difference", sections: [] });
});

test("versions go up and down as their makers order them, and not by their letters", () => {
  const kinds = (before: BillPackage, after: BillPackage) =>
    compareSides(with_({ packages: [before] }), with_({ packages: [after] })).sections[0]?.changes.map(
      ({ kind }) => kind,
    );
  expect(kinds(deb("a", "1.0~rc1-1"), deb("a", "1.0-1"))).toEqual(["up"]);
  expect(kinds(deb("a", "1:1.0"), deb("a", "9.0"))).toEqual(["down"]);
  expect(kinds(deb("a", "1.0"), deb("a", "1.00"))).toEqual(["changed"]);
  expect(kinds(pypi("a", "1.0rc1"), pypi("a", "1.0"))).toEqual(["up"]);
  expect(kinds(pypi("a", "1.0.post1"), pypi("a", "1.0"))).toEqual(["down"]);
  expect(kinds({ ...pypi("tzdata", "2025b"), type: "conda" }, { ...pypi("tzdata", "2026a"), type: "conda" })).toEqual([
    "up",
  ]);
});

test("kernels, menu entries, units, users, ports, parts and verdicts are compared", () => {
  const contents: BillContents = {
    kernels: [{ name: "python3", title: "Python 3.13", environment: "/opt/kernels/python3" }],
    applications: [],
    units: ["ssh.service", "xrdp.service", "visa-jupyter.service"],
    users: [...CONTENTS.users, { name: "jupyter", uid: "999", shell: "/bin/false" }],
    incomplete: [],
  };
  const findings = FINDINGS.with(1, finding(22, "a fresh token logs in", "fail", "no")).with(
    3,
    finding(50, "only declared ports are open", "pass", "22, 3389, 4822, 8888"),
  );
  const report = { parts: ["boot", "desktop", "jupyter"] as const, findings, accelerator: "kvm" };
  const difference = compareSides(SIDE, with_({ contents }, { report }));
  expect(difference.headline).toBe(
    "1 kernel changed; 1 menu entry gone; 1 unit that starts added; 1 user added; 1 open port added; " +
      "1 part of the contract added; 1 assertion changed; nothing else",
  );
  const changes = difference.sections.flatMap(({ changes }) => changes);
  expect(changes).toContainEqual({ kind: "changed", name: "22 a fresh token logs in", before: "pass", after: "fail" });
  expect(changes).toContainEqual({ kind: "added", name: "8888" });
  // What one profile does not look at is no change.
  const gate = FINDINGS.map((each) => ({
    ...each,
    verdict: each.number === 22 ? ("not applicable" as const) : each.verdict,
  }));
  const less = { ...SIDE, report: { parts: ["boot", "desktop"] as const, findings: gate, accelerator: "tcg" } };
  expect(compareSides(SIDE, less).headline).toBe("no difference");
});

test("what one of the two does not say is said to be not compared, and never that it is the same", () => {
  const { contents: _, ...old } = BILL;
  const { report: __, ...unverified } = { ...SIDE, bill: old };
  const { headline, notCompared } = compareSides(unverified, SIDE);
  expect(headline).toBe(
    "no difference; not compared: packages of pip, uv and conda; kernels, menu entries, units, users; ports, boot times, assertions",
  );
  expect(notCompared.map(({ why }) => why).join("\n")).toMatch(/the bill of release 5c3.* made by an earlier version/);
  const bare = compareSides({ title: "a", noBill: "it has no bill of materials" }, SIDE);
  expect(bare.headline).toBe("no difference; not compared: packages; ports, boot times, assertions");
  expect(differenceText(bare)).toContain("  packages (a: it has no bill of materials)\n");
  const incomplete = with_({ contents: { ...CONTENTS, incomplete: ["/opt/x: Input/output error"] } });
  expect(differenceText(compareSides(SIDE, incomplete))).toContain("/opt/x: Input/output error");
});

test("Markdown takes nothing of a guest for its own", () => {
  const packages = [...BILL.packages, pypi("x|y<b>*z*", "1|2")];
  const text = differenceMarkdown(compareSides(SIDE, with_({ packages })));
  expect(text).toContain("**1 package added; nothing else**\n");
  expect(text).toContain("| added | x\\|y\\<b\\>\\*z\\* |  | 1\\|2 | visa-apps |\n");
});
