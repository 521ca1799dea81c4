import { BaseImage, type TemplateBase } from "../../lib/template/base-image";
import { Template } from "../../lib/template/template";

const checksum = `sha256:${"a".repeat(64)}`;
const installer = { iso: "x.iso", checksum, bootCommand: ["a"], sshPassword: "{{ root_password }}" };

/** What code says, the object of before, and the words of manifest.yml. */
const BASES: [string, BaseImage, TemplateBase, object][] = [
  ["nothing", BaseImage.bootstrap(), { bootstrap: {} }, { bootstrap: {} }],
  [
    "a bootstrap",
    BaseImage.bootstrap({ suite: "trixie", packages: ["vim"], diskSizeGb: 6 }),
    { bootstrap: { suite: "trixie", packages: ["vim"], diskSizeGb: 6 } },
    { bootstrap: { suite: "trixie", packages: ["vim"], disk_size_gb: 6 } },
  ],
  [
    "a cloud image",
    BaseImage.cloudImage({ url: "https://x.example/a", checksum, format: undefined }),
    { cloudImage: { url: "https://x.example/a", checksum } },
    { cloud_image: { url: "https://x.example/a", checksum } },
  ],
  [
    "a file",
    BaseImage.file({ path: "x.raw", checksum, format: "raw" }),
    { file: { path: "x.raw", checksum, format: "raw" } },
    { file: { path: "x.raw", checksum, format: "raw" } },
  ],
  [
    "an installer",
    BaseImage.installer(installer),
    { installer },
    { installer: { iso: "x.iso", checksum, boot_command: ["a"], ssh_password: "{{ root_password }}" } },
  ],
];

afterEach(() => jest.restoreAllMocks());

test.each(BASES)("%s is what a manifest says", (_, base, object, yaml) => {
  expect(base.yaml).toEqual(yaml);
  const warn = jest.spyOn(process, "emitWarning").mockImplementation(() => {});
  expect(new Template("one", { base }).parts.base).toEqual(yaml);
  expect(warn).not.toHaveBeenCalled();
  // The form of before is told, and means the same.
  expect(new Template("one", { base: object }).parts.base).toEqual(yaml);
  expect(warn).toHaveBeenCalledWith(
    expect.stringMatching(/^template "one": "base" as an object .*; say BaseImage\.\w+\(/),
    "VisaImageWarning",
  );
});

test("fails for an option that no base has", () => {
  const base = BaseImage.file({ path: "x", checksum, size: 1 } as never);
  expect(() => new Template("one", { base })).toThrow("size");
});
