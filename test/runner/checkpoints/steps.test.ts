import { afterStep, resumableSteps, stepsOf } from "../../../lib/runner/checkpoints/steps";

const PARENT = {
  fingerprint: "f".repeat(64),
  disk: { sha256: "d".repeat(64), bytes: 1, modified: 1, virtualSizeGb: 1 },
};
const file = (path: string, sha256 = path) => ({ path, sha256, mode: 0o755, source: path });
const BEFORE = [
  { file: { source: "build-ca.crt", destination: "/var/tmp/visa-build/ca.crt" } },
  { shell: { script: "guest/prepare.sh", environment_vars: ["VISA_BUILD_PROXY=", "VISA_BUILD_LISTS=own"] } },
];
const SEAL = { shell: { script: "guest/seal.sh" } };
const OWN = [
  { shell: { script: "one.sh" } },
  { file: { source: "files/", destination: "/opt/." } },
  { shell: { scripts: ["two.sh", "three.sh"] } },
  { shell: { inline: ["true"] } },
];
const FILES = [
  "guest/prepare.sh",
  "guest/seal.sh",
  "one.sh",
  "two.sh",
  "three.sh",
  "files/a",
  "files/b/c",
  "http/x",
].map((path) => file(path));

function configurationOf(own: readonly object[], source: object = { boot_wait: "1s" }) {
  return {
    source: { qemu: { x: source } },
    build: [{ sources: ["source.qemu.x"], provisioner: [...BEFORE, ...own, SEAL] }],
  };
}

interface Change {
  own?: readonly object[];
  files?: readonly ReturnType<typeof file>[];
  source?: object;
  refresh?: string;
  unresumable?: readonly number[];
  parent?: typeof PARENT;
}

function steps({ own = OWN, files = FILES, source, refresh, unresumable, parent = PARENT }: Change = {}) {
  const inputs: Record<string, string> = refresh === undefined ? {} : { refresh };
  return resumableSteps({ configuration: configurationOf(own, source), files, inputs, unresumable }, parent);
}

/** Numbers of the steps whose checkpoints a change leaves as they are. */
function untouchedBy(change: Change): number[] {
  const now = new Set(steps(change).map(({ key }) => key));
  return steps()
    .filter(({ key }) => now.has(key))
    .map(({ number }) => number);
}

test("there is a checkpoint after each step but those that copy files", () => {
  expect(steps().map(({ number, label }) => [number, label])).toEqual([
    [1, "one.sh"],
    [3, "two.sh, three.sh"],
    [4, "inline commands"],
  ]);
});

test("there is none where the guest may be about to start anew, or a template says so", () => {
  const own = [
    { shell: { inline: ["a"] } },
    { shell: { inline: ["b"], expect_disconnect: true } },
    { shell: { inline: ["c"] } },
    { shell: { inline: ["d"], pause_before: "10s" } },
  ];
  expect(steps({ own }).map(({ number }) => number)).toEqual([1, 4]);
  expect(steps({ unresumable: [3, 4] }).map(({ number }) => number)).toEqual([1]);
});

test.each<[string, Change, number[]]>([
  ["nothing", {}, [1, 3, 4]],
  ["a later step", { own: [...OWN.slice(0, 3), { shell: { inline: ["false"] } }] }, [1, 3]],
  ["one more step at the end", { own: [...OWN, { shell: { inline: ["more"] } }] }, [1, 3, 4]],
  [
    "a script of the third step",
    { files: FILES.map((each) => file(each.path, each.path === "three.sh" ? "new" : each.path)) },
    [1],
  ],
  ["a file in a folder that the second step copies", { files: [...FILES, file("files/b/d")] }, [1]],
  [
    "the last script of the runner's own",
    { files: FILES.map((each) => file(each.path, each.path === "guest/seal.sh" ? "new" : each.path)) },
    [1, 3, 4],
  ],
  [
    "the first one",
    { files: FILES.map((each) => file(each.path, each.path === "guest/prepare.sh" ? "new" : each.path)) },
    [],
  ],
  [
    "a file that no step names",
    { files: FILES.map((each) => file(each.path, each.path === "http/x" ? "new" : each.path)) },
    [],
  ],
  [
    "the mode of the first script",
    { files: FILES.map((each) => (each.path === "one.sh" ? { ...each, mode: 0o644 } : each)) },
    [],
  ],
  ["the machine", { source: { boot_wait: "2s" } }, []],
  ["what asks for a new build", { refresh: "2026-11" }, []],
  ["the parent's bytes", { parent: { ...PARENT, disk: { ...PARENT.disk, sha256: "e".repeat(64) } } }, []],
  ["the parent's name", { parent: { ...PARENT, fingerprint: "e".repeat(64) } }, []],
])("a change of %s leaves the checkpoints before it", (_, change, left) => {
  expect(untouchedBy(change)).toEqual(left);
});

test("what is left after a step has the runner's own around it, and fetches apt's lists", () => {
  const { before, own, after } = stepsOf(afterStep(configurationOf(OWN), 3));
  expect(own).toEqual(OWN.slice(3));
  expect(after).toEqual([SEAL]);
  expect(before).toEqual([
    BEFORE[0],
    { shell: { script: "guest/prepare.sh", environment_vars: ["VISA_BUILD_PROXY="] } },
  ]);
  expect(afterStep(configurationOf(OWN), 0)).toEqual(configurationOf(OWN));
});
