import { fileError } from "../lib/errors";

test.each([
  ["ENOSPC", 1, /no room left: .*\n {2}fix: make room/],
  ["EDQUOT", 1, /no room left: .*\n {2}fix: make room/],
  ["EROFS", 2, /cannot use a file or folder: .*\n {2}fix: correct its permissions; VISA_IMAGE_CACHE/],
  ["EACCES", 2, /cannot use a file or folder: /],
  ["ESTALE", 1, /a network file system does not answer as it should: .*\n {2}fix: .*a disk of this machine/],
  ["EIO", 1, /a network file system does not answer as it should: /],
])("the system's %s is told with what to do", (code, exitCode, message) => {
  const error = fileError(Object.assign(new Error(`${code}: said, write '/x'`), { code }));
  expect(error).toMatchObject({ exitCode, message: expect.stringMatching(message) });
});

test("any other error is none of a file system", () => {
  expect(fileError(new Error("x"))).toBeUndefined();
  expect(fileError(Object.assign(new Error("x"), { code: "ECONNREFUSED" }))).toBeUndefined();
  expect(fileError("x")).toBeUndefined();
});
