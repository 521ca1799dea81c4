import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuArgument } from "../../../lib/runner/host/accelerator";
import {
  checkCpu,
  checkDisplay,
  checkFreeSpace,
  checkMemory,
  checkTools,
  checkVnc,
  readSecrets,
} from "../../../lib/runner/host/requirements";
import type { LayerSpecification } from "../../../lib/specification";

const layer = (required: boolean, diskSizeGb = 1) =>
  ({
    name: "layer",
    diskSizeGb,
    secrets: [{ name: "root_password", environment: "VISA_ROOT_PASSWORD", required }],
  }) as unknown as LayerSpecification;

describe("secrets", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "visa-image-secrets-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("come from the environment, or from a file without its last line end", () => {
    writeFileSync(join(folder, "password"), "two\nlines\n");
    const read = (environment: NodeJS.ProcessEnv) =>
      readSecrets([layer(true)], environment, jest.fn()).get("root_password");
    expect(read({ VISA_ROOT_PASSWORD: "secret" })).toBe("secret");
    expect(read({ VISA_ROOT_PASSWORD_FILE: join(folder, "password") })).toBe("two\nlines");
  });

  test("that are optional are empty", () => {
    expect(readSecrets([layer(false)], {}, jest.fn()).get("root_password")).toBe("");
  });

  test("too short to be hidden give a warning that does not show them", () => {
    const warn = jest.fn();
    readSecrets([layer(true)], { VISA_ROOT_PASSWORD: "q7z" }, warn);
    expect(warn.mock.calls).toEqual([[expect.stringContaining("cannot be hidden")]]);
    expect(warn.mock.calls[0]?.[0]).not.toContain("q7z");
  });

  test("fails with one that Packer would fill in, without showing it", () => {
    const read = () => readSecrets([layer(true)], { VISA_ROOT_PASSWORD: "s3cret{{x}}" }, jest.fn());
    expect(read).toThrow(/^the secret "root_password" has "{{", which Packer takes for its own\n {2}fix: choose one/);
    expect(read).not.toThrow(/s3cret/);
  });

  test("fails with what to set where one is missing", () => {
    expect(() => readSecrets([layer(true)], {}, jest.fn())).toThrow(
      /"VISA_ROOT_PASSWORD" must be set.*\n.*VISA_ROOT_PASSWORD_FILE/,
    );
  });

  test("fails with the name of the variable where its file cannot be read", () => {
    expect(() => readSecrets([layer(true)], { VISA_ROOT_PASSWORD_FILE: join(folder, "none") }, jest.fn())).toThrow(
      /VISA_ROOT_PASSWORD_FILE/,
    );
  });
});

test("tools tell their versions", async () => {
  const versions = await checkTools();
  expect(versions.packer).toMatch(/^\d+\.\d+\.\d+/);
  expect(versions["qemu-img"]).toMatch(/^\d+\.\d+/);
}, 30_000);

test("fails with all tools that are missing and their packages", async () => {
  await expect(checkTools(["packer", "qemu-img"], "/nonexistent")).rejects.toMatchObject({
    message: expect.stringMatching(/"packer", "qemu-img"\n.*apt install packer qemu-utils/),
    exitCode: 2,
  });
});

test("fails where there is no room", () => {
  expect(() => checkFreeSpace(tmpdir(), [layer(true)], 1)).not.toThrow();
  const many = Array.from({ length: 1_000_000 }, () => layer(true, 10));
  expect(() => checkFreeSpace(tmpdir(), many, 10)).toThrow(/has .* free, the build may need/);
});

test("fails where a window is asked for without a display", () => {
  expect(() => checkDisplay(true, {})).not.toThrow();
  expect(() => checkDisplay(false, { DISPLAY: ":0" })).not.toThrow();
  expect(() => checkDisplay(false, {})).toThrow(/DISPLAY is not set/);
});

describe("VNC", () => {
  test("on loopback needs no word of warning, elsewhere it does", async () => {
    const warn = jest.fn();
    await checkVnc({ vncAddress: "127.0.0.1" }, warn);
    expect(warn).not.toHaveBeenCalled();
    await checkVnc({ vncAddress: "0.0.0.0" }, warn);
    expect(warn.mock.calls).toEqual([[expect.stringContaining("not encrypted")]]);
  });

  test("fails where another program has the port", async () => {
    const server = createServer();
    const vncPort = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
    await expect(checkVnc({ vncAddress: "127.0.0.1", vncPort }, jest.fn())).rejects.toThrow(/another program has it/);
    server.close();
  });

  test("fails where this machine has no such address", async () => {
    await expect(checkVnc({ vncAddress: "192.0.2.1" }, jest.fn())).rejects.toThrow(/no such address\n.*--vnc/);
  });
});

test("memory that this machine does not have is a warning", () => {
  const warn = jest.fn();
  checkMemory([{ memoryMb: 64 }], warn);
  expect(warn).not.toHaveBeenCalled();
  checkMemory([{ memoryMb: 64 }, { memoryMb: 1 << 30 }], warn);
  expect(warn.mock.calls).toEqual([[expect.stringMatching(/gets 1048576.0 GiB of memory, and .* is free here/)]]);
});

describe("the CPU", () => {
  test("may be any that QEMU knows", async () => {
    await checkCpu({ cpuModel: "EPYC,+aes", nested: false }, "tcg");
    await expect(checkCpu({ cpuModel: "EPIC", nested: false }, "tcg")).rejects.toThrow(
      /QEMU knows no CPU "EPIC"\n.*did you mean "EPYC"/,
    );
  });

  test("fails without KVM, or with one that does not pass it on, where virtual machines are to run in it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "visa-image-modules-"));
    await expect(checkCpu({ nested: true }, "tcg", folder)).rejects.toThrow(/the build runs without KVM/);
    await expect(checkCpu({ nested: true }, "kvm", folder)).rejects.toThrow(/modprobe kvm_intel nested=1/);
    mkdirSync(join(folder, "kvm_amd/parameters"), { recursive: true });
    writeFileSync(join(folder, "kvm_amd/parameters/nested"), "1\n");
    await checkCpu({ nested: true }, "kvm", folder);
    expect(cpuArgument("kvm", { nested: true }, folder)).toBe("host,+svm");
    rmSync(folder, { recursive: true });
  });

  test("is the host's with KVM, and one that wheels run on without", () => {
    expect([cpuArgument("kvm"), cpuArgument("tcg", { cpuModel: "EPYC" })]).toEqual(["host", "EPYC"]);
    const flags = cpuArgument("tcg").split(",");
    expect(flags).toEqual(expect.arrayContaining(["qemu64", "+ssse3", "+sse4.1", "+sse4.2", "+popcnt"]));
  });
});
