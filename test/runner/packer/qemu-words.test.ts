import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { QEMU_PROGRAM, qemuErrors, readQemuWords, writeQemuProgram } from "../../../lib/runner/packer/qemu-words";
import { scratchFolder } from "../../support/scratch";

test("of what QEMU says only what ended it is shown", () => {
  // As QEMU 7.2 writes it.
  const device = "qemu-system-x86_64: -device of-no-qemu: 'of-no-qemu' is not a valid device model name";
  const memory = "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory";
  expect(
    qemuErrors([
      "qemu-system-x86_64: warning: TCG doesn't support requested feature: CPUID.01H:ECX.x2apic [bit 21]",
      device,
      "",
      memory,
      "qemu-system-x86_64: terminating on signal 15 from pid 4711 (packer)",
    ]),
  ).toEqual([device, memory]);
});

test("its program becomes QEMU, and keeps what that says", async () => {
  const folder = scratchFolder();
  expect(await readQemuWords(folder)).toEqual([]);
  await writeQemuProgram(folder);
  // In QEMU's place: it says its process, and what it was given.
  const stand = join(folder, "qemu-system-x86_64");
  writeFileSync(stand, '#!/bin/sh\necho "$$"\nprintf "%s\\n" "$@" >&2\nexit 1\n');
  chmodSync(stand, 0o755);
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const { pid, stdout, stderr, status } = spawnSync(`./${QEMU_PROGRAM}`, ["-m", "two words"], { cwd: folder, env });
  expect({ said: Number(String(stdout)), status, stderr: String(stderr) }).toEqual({
    said: pid,
    status: 1,
    stderr: "",
  });
  expect(await readQemuWords(folder)).toEqual(["-m", "two words"]);
});
