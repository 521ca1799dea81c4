import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { asSeenFromGuest, hostDebianMirror } from "../../../lib/runner/host/mirror";

let root: string;

function host(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "visa-image-mirror-"));
  host({ "etc/os-release": "NAME=Debian\nID=debian\nVERSION_CODENAME=bookworm\n" });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("reads one-line sources", () => {
  host({
    "etc/apt/sources.list":
      "# deb http://off.example bookworm main\ndeb [arch=amd64 signed-by=/k] http://mirror.example/debian/ bookworm main contrib\n",
  });
  expect(hostDebianMirror(root)).toBe("http://mirror.example/debian");
});

test("reads deb822 sources, and takes none for Debian's that are not", () => {
  host({
    "etc/apt/sources.list.d/a.list": "deb https://vendor.example/apt stable non-free\n",
    "etc/apt/sources.list.d/b.sources":
      "Types: deb\nURIs: https://off.example\nSuites: bookworm\nComponents: main\nEnabled: no\n\n# comment\nTypes: deb deb-src\nURIs: http://mirror.example/deb\n http://second.example/deb\nSuites: bookworm bookworm-updates\nComponents: main\n",
    "etc/apt/sources.list.d/c.sources":
      "Types: deb\nURIs: http://security.example/debian-security\nSuites: bookworm-security\nComponents: main\n",
  });
  expect(hostDebianMirror(root)).toBe("http://mirror.example/deb");
});

test("knows none on another distribution, or where packages come from a medium", () => {
  host({ "etc/apt/sources.list": "deb cdrom:[Debian]/ bookworm main\n" });
  expect(hostDebianMirror(root)).toBeUndefined();
  host({ "etc/os-release": "ID=ubuntu\n", "etc/apt/sources.list": "deb http://mirror.example bookworm main\n" });
  expect(hostDebianMirror(root)).toBeUndefined();
});

test("calls the host's loopback as a guest does", () => {
  expect(asSeenFromGuest("http://localhost:3142/debian")).toBe("http://10.0.2.2:3142/debian");
  expect(asSeenFromGuest("http://user:pw@127.0.0.1:3128")).toBe("http://user:pw@10.0.2.2:3128");
  expect(asSeenFromGuest("http://localhost.example/debian")).toBe("http://localhost.example/debian");
  expect(asSeenFromGuest("")).toBe("");
});
