import {
  contractTable,
  type Finding,
  findingsOf,
  junit,
  reportLines,
  type VerifyReport,
} from "../../lib/verify/verify-report";

const report: VerifyReport = {
  version: 2,
  verifier: "1",
  template: "visa-<base>",
  fingerprint: "0123456789abcdef",
  profile: "gate",
  parts: ["boot"],
  digest: "ab",
  accelerator: "tcg",
  startedAt: "2026-11-23T00:00:00Z",
  seconds: 61.4,
  passed: false,
  findings: [
    { number: 4, name: "the owner exists", verdict: "pass", detail: "uid 1000, /home/ada", seconds: 1 },
    { number: 8, name: "the key arrives", verdict: "fail", detail: 'it is "& <garbled>"\nline | two', seconds: 2 },
    { number: 37, name: "Jupyter answers", verdict: "not applicable", detail: "not promised", seconds: 0 },
    { name: "my-apps: net.sh", verdict: "pass", detail: "", seconds: 0.5 },
  ],
};

test("the table shows what passed and what failed, and on request what does not apply", () => {
  expect(reportLines(report).split("\n")).toEqual([
    "    4  pass  the owner exists (uid 1000, /home/ada)",
    '    8  FAIL  the key arrives (it is "& <garbled>")',
    "  own  pass  my-apps: net.sh",
    "visa-<base> 0123456789ab, profile gate: 2 passed, 1 failed, 1 not applicable; 61 s",
  ]);
  expect(reportLines(report, true)).toContain("   37  n/a   Jupyter answers (not promised)");
});

test("what the templates warn of stands before the last line", () => {
  const lines = reportLines({ ...report, warnings: ['"visa-base": old'] }).split("\n");
  expect(lines.slice(-2)).toEqual(['warning: "visa-base": old', expect.stringMatching(/^visa-<base>/)]);
});

test("JUnit's file is well formed, whatever a detail holds", () => {
  const xml = junit(report);
  expect(xml).toContain(
    '<testsuite name="visa-image verify visa-&lt;base&gt;" tests="4" failures="1" skipped="1" time="61.4">',
  );
  expect(xml).toContain('<failure message="it is &quot;&amp; &lt;garbled&gt;&quot;&#10;line | two"/>');
  expect(xml).toContain('name="37 Jupyter answers" time="0.0"><skipped message="not promised"/>');
});

test("the contract's table has a row for each assertion", () => {
  const rows = contractTable(report).trim().split("\n").slice(2);
  expect(rows).toHaveLength(63);
  expect(rows[3]).toMatch(/^\| 4 \| boot \| .* \| pass \| uid 1000, \/home\/ada \|$/);
  expect(rows[7]).toMatch(/\| fail \| it is "& <garbled>" \|$/);
  expect(rows[4]).toMatch(/\| not looked at \| {2}\|$/);
  expect(rows[50]).toMatch(/\| by test \| test\/e2e/);
});

describe("findingsOf", () => {
  const look = (number: number, verdict: Finding["verdict"], detail: string): Finding => ({
    ...{ number, name: "it", verdict, detail, seconds: 1 },
  });
  const of = (number: number, ...looks: Finding[]) => findingsOf(looks, ["boot"])[number - 1];

  test("an assertion passes where one look passes and none fails", () => {
    expect(of(10, look(10, "pass", "a"), look(10, "not applicable", "b"))).toMatchObject({
      verdict: "pass",
      detail: "a",
    });
    expect(of(10, look(10, "pass", "a"), look(10, "pass", "b"))).toMatchObject({ detail: "a; b", seconds: 2 });
  });

  test("an assertion fails where one look fails, wherever it stands", () => {
    for (const looks of [
      [look(10, "fail", "a"), look(10, "pass", "b"), look(10, "not applicable", "c")],
      [look(10, "not applicable", "c"), look(10, "pass", "b"), look(10, "fail", "a")],
    ]) {
      expect(of(10, ...looks)).toMatchObject({ verdict: "fail", detail: "a" });
    }
  });

  test("each assertion is there, and says why where nothing looked at it; a template's own checks come after them", () => {
    const findings = findingsOf([{ name: "own", verdict: "pass", detail: "", seconds: 1 }], ["boot"]);
    expect(findings).toHaveLength(64);
    expect(findings[8]?.detail).toBe("looked at in the full profile");
    expect(findings[12]?.detail).toBe('the template does not promise "desktop"');
    expect(findings[50]?.detail).toEqual(
      expect.stringMatching(/^not of an image alone: test\/e2e\/deploy\.test\.ts: a first deploy/),
    );
    expect(findings[63]?.name).toBe("own");
  });
});
