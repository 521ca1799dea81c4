import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkDisplay, checkFreeSpace, checkTools, readSecrets } from "../../lib/build/requirements";
import type { LayerSpecification } from "../../lib/specification";

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
