import { parsePackages } from "../../lib/stale/packages-file";

const TEXT = `Package: libssl3
Source: openssl (3.0.17-1)
Version: 3.0.17-1+b1
Architecture: amd64
Description: libraries
 Package: not-a-field
 Version: 9

Package: nano
Version: 7.2-1

Package: nano
Version: 7.10-1

Package: nano
Version: 7.3-1`;

test("the newest version of each package, and its source where that has another name", () => {
  expect([...parsePackages(TEXT)]).toEqual([
    ["libssl3", { version: "3.0.17-1+b1", source: "openssl" }],
    ["nano", { version: "7.10-1" }],
  ]);
});

test("an empty file has no packages", () => expect(parsePackages("").size).toBe(0));
