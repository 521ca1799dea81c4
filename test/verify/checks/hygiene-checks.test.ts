import { imageRelease } from "../../../lib/runner/guest/image-release";
import { parsedRelease } from "../../../lib/verify/checks/hygiene-checks";

const git = { commit: "0123456789abcdef0123456789abcdef01234567", modified: true };
const built = { template: "visa-apps", fingerprint: "ab".repeat(32), packageVersion: "1.2.3-rc.1" };

test("what a build writes is what is expected of an image, with a commit and without", () => {
  for (const release of [imageRelease(built), imageRelease({ ...built, git })]) {
    expect(parsedRelease(JSON.stringify(release))).toEqual(release);
  }
});

test.each<[string, object]>([
  ["name", { name: "" }],
  ["version", { version: "newest" }],
  ["release", { release: undefined }],
  ["fingerprint", { fingerprint: "ab" }],
  ["date", { date: "28.11.2026" }],
  ["date", { date: null }],
  ["commit", { commit: "main" }],
])("fails for another %s: %j", (field, values) => {
  const text = JSON.stringify({ ...imageRelease({ ...built, git }), ...values });
  expect(() => parsedRelease(text)).toThrow(`/etc/visa/release.json has the ${field} `);
});

test("fails for what is no JSON", () => {
  expect(() => parsedRelease("{")).toThrow("/etc/visa/release.json is no JSON");
});
