import {
  countSteps,
  endedByTimeout,
  packerEvent,
  relevantLines,
  remedy,
  validationErrors,
} from "../../../lib/runner/packer/packer-output";

test.each([
  ["==> qemu.one: Provisioning with shell script: scripts/a.sh", { kind: "step", label: "scripts/a.sh" }],
  [
    "==> qemu.one: Provisioning with shell script: /x/tmp/packer-shell308102",
    { kind: "step", label: "inline commands" },
  ],
  ["==> qemu.one: Uploading build-ca.crt => /var/tmp/ca.crt", { kind: "step", label: "copying build-ca.crt" }],
  ["==> qemu.one: Provisioning with Ansible...", { kind: "step", label: "provisioning with Ansible" }],
  ["==> qemu.one: Connected to SSH!", { kind: "detail", label: "Connected to SSH" }],
  ["    qemu.one: vnc://127.0.0.1:48", { kind: "screen", address: "vnc://127.0.0.1:5948" }],
  [
    "    qemu.one: view the screen of the VM, connect via VNC to vnc://127.0.0.1:35,password",
    { kind: "screen", address: "vnc://127.0.0.1:5935" },
  ],
  ["    qemu.one: with the password: koqbtyMH", { kind: "password", password: "koqbtyMH" }],
  ["==> qemu.one: Setting a 1m30s timeout for the next provisioner...", { kind: "timeout", timeout: "1m30s" }],
  ["    qemu.one: Provisioning with shell script: no", undefined],
  ["==> qemu.one: what the guest says on its standard error", undefined],
])("%s", (line, event) => expect(packerEvent(line)).toEqual(event));

test("counts one step for each script and each upload", () => {
  const provisioner = [
    { shell: { inline: ["a", "b"] } },
    { shell: { scripts: ["a", "b"] } },
    { file: { sources: ["a", "b", "c"], destination: "/" } },
    { file: { source: "a", destination: "/" } },
    { "ansible-local": { playbook_file: "a" } },
  ];
  expect(countSteps({ build: [{ provisioner }] })).toBe(8);
  expect(countSteps({ build: { provisioner: { shell: { script: "a" } } } })).toBe(1);
  expect(countSteps({})).toBe(0);
});

test("of a failed provisioner shows the end of its output and the error, each once", () => {
  const lines = [
    "==> qemu.one: Provisioning with shell script: a.sh",
    "    qemu.one: fine",
    "==> qemu.one: Provisioning with shell script: b.sh",
    ...Array.from({ length: 30 }, (_, i) => `    qemu.one: line ${i}`),
    "==> qemu.one: the reason",
    "==> qemu.one: Provisioning step had errors: Running the cleanup provisioner, if present...",
    "==> qemu.one: Deleting output directory...",
    "Build 'qemu.one' errored after 3 minutes: Script exited with non-zero exit status: 1.Allowed exit codes are: [0]",
    "",
    "==> Wait completed after 3 minutes",
    "==> Some builds didn't complete successfully and had errors:",
    "--> qemu.one: Script exited with non-zero exit status: 1.Allowed exit codes are: [0]",
    "==> Builds finished but no artifacts were created.",
  ];
  const shown = relevantLines(lines);
  expect(shown).toHaveLength(16);
  expect(shown.slice(-3)).toEqual([
    "line 29",
    "the reason",
    "Build 'qemu.one' errored after 3 minutes: Script exited with non-zero exit status: 1.Allowed exit codes are: [0]",
  ]);
});

test("of a failure before the first step shows what Packer itself says", () => {
  expect(
    relevantLines(["    qemu.one: xorriso says much", "==> qemu.one: Error creating hard drive: no space"]),
  ).toEqual(["Error creating hard drive: no space"]);
});

test.each([
  ["scp: /opt: Is a directory", /^a destination that is a folder ends in "\/"/],
  ["Upload failed: scp: /opt/x: Not a directory", /^a destination that is a folder/],
  ["scp: /opt/new/.: No such file or directory", /^a destination that is a folder/],
  ["cp: cannot write: No space left on device", /^the guest's disk is full/],
  ["scp: /none/x: No such file or directory", undefined],
])("what to do about a failure is said where it is known: %s", (line, expected) => {
  const said = remedy(["qemu.one: something else", line]);
  if (expected) expect(said).toMatch(expected);
  else expect(said).toBeUndefined();
});

test("Packer's advice to look into its own log is left out", () => {
  // As Packer 1.6.6 writes it.
  const error = "Build launch failed: Qemu failed to start. Please run with PACKER_LOG=1 to get more info.";
  expect(relevantLines([`Build 'qemu.one' errored after 1 second: ${error}`])).toEqual([
    "Build 'qemu.one' errored after 1 second: Build launch failed: Qemu failed to start.",
  ]);
});

test.each([
  ["a step's time was up", ["Build 'qemu.one' errored after 10 seconds 328 milliseconds: context canceled"], true],
  ["a script failed", ["Build 'qemu.one' errored after 3 minutes: Script exited with non-zero exit status: 1."], false],
  [
    "somebody ended Packer",
    ["Cancelling build after receiving terminated", "Build 'qemu.one' errored after 3 minutes: context canceled"],
    false,
  ],
])("tells where %s", (_, lines, expected) => expect(endedByTimeout(lines)).toBe(expected));

describe("of a validation only the errors are shown", () => {
  const lines = [
    "Warning: A checksum of 'none' was specified. Since ISO files are so big,",
    "a checksum is highly recommended.",
    "",
    "  on build.pkr.json line 1:",
    "  (source code not available)",
    "",
    'Error: Failed preparing provisioner-block "shell" ""',
    "",
    "  on build.pkr.json line 7:",
    "  (source code not available)",
    "",
    "build.pkr.json:9,63-73: Incorrect attribute value type",
    "",
  ];

  test("without places in a file that nobody wrote", () => {
    expect(validationErrors(lines)).toEqual([
      'Error: Failed preparing provisioner-block "shell" ""',
      "Incorrect attribute value type",
    ]);
    expect(validationErrors(["", "panic: x"])).toEqual(["panic: x"]);
  });

  test("with the template's places where these are known", () => {
    expect(validationErrors(lines, (line) => (line > 1 ? `manifest.yml:${line * 10}` : undefined))).toEqual([
      'Error: Failed preparing provisioner-block "shell" ""',
      "  on manifest.yml:70:",
      "manifest.yml:90: Incorrect attribute value type",
    ]);
  });
});

test("what Packer says where it leaves a cloud's server to us is no news", () => {
  const lines = [
    "==> openstack.one: Launching server...",
    "==> openstack.one: Error launching source server: Bad request",
    '==> openstack.one: Step "StepRunSourceServer" failed, aborting...',
    '==> openstack.one: aborted: skipping cleanup of step "StepCreateVolume"',
    "==> openstack.one: Terminating the source server: s-1 ...",
  ];
  expect(relevantLines(lines)).toEqual(["Launching server...", "Error launching source server: Bad request"]);
});
