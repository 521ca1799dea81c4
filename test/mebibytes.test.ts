import { mebibytes, wholeMebibytes } from "../lib/mebibytes";

test.each([
  ["4096", 4096],
  ["4096M", 4096],
  ["4G", 4096],
  [" 4 GiB ", 4096],
  ["1.5g", 1536],
  ["1T", 1024 ** 2],
  ["512K", 0.5],
])("%s is %d MiB", (text, size) => expect(mebibytes(text)).toBe(size));

test.each(["", "G", "4X", "-1G", "4G2", "much"])("%j is no size", (text) => expect(mebibytes(text)).toBeUndefined());

test.each(["0", "512K", "0.1"])("%s is no memory of a machine", (text) => expect(wholeMebibytes(text)).toBeUndefined());
