import { proxyFor } from "../../lib/cloud/proxy";

const proxies = { HTTP_PROXY: "http://plain.example:3128", HTTPS_PROXY: "http://secure.example:3128" };
const proxyOf = (address: string, NO_PROXY?: string) => proxyFor(address, { ...proxies, NO_PROXY })?.host;

test.each([
  ["http://cloud.example:5000", "plain.example:3128"],
  ["https://cloud.example", "secure.example:3128"],
  ["http://localhost:5000", undefined],
  ["https://127.0.0.1", undefined],
  ["http://127.3.4.5:5000", undefined],
  ["http://[::1]:5000", undefined],
])("%s goes through %s", (address, expected) => {
  expect(proxyOf(address)).toBe(expected);
});

// The cases of golang.org/x/net/http/httpproxy.
test.each([
  ["http://cloud.example", "cloud.example", false],
  ["http://api.cloud.example", "cloud.example", false],
  ["http://api.cloud.example", ".cloud.example", false],
  ["http://api.cloud.example", "*.cloud.example", false],
  ["http://cloud.example", ".cloud.example", true],
  ["http://mycloud.example", "cloud.example", true],
  ["http://CLOUD.example", "other.example, Cloud.Example ", false],
  ["http://cloud.example:5000", "cloud.example:5000", false],
  ["http://cloud.example:9292", "cloud.example:5000", true],
  ["https://cloud.example", "cloud.example:443", false],
  ["http://10.1.2.3", "10.0.0.0/8", false],
  ["http://11.1.2.3", "10.0.0.0/8", true],
  ["http://10.1.2.3:80", "10.1.2.3:80", false],
  ["http://10.1.2.3", "10.1.2.3", false],
  ["http://[2001:db8::7]", "2001:db8::/32", false],
  ["http://[2001:db8::7]:80", "[2001:db8::7]:80", false],
  ["http://cloud.example", "*", false],
  ["http://cloud.example", "", true],
  ["http://cloud.example", " , ,", true],
])("%s with NO_PROXY=%s: through the proxy is %s", (address, exceptions, through) => {
  expect(proxyOf(address, exceptions) !== undefined).toBe(through);
});

test("small letters do too, capitals count first, an address needs no scheme", () => {
  expect(proxyFor("http://a.example", { http_proxy: "small:1", HTTP_PROXY: "capital:2" })?.href).toBe(
    "http://capital:2/",
  );
  expect(proxyFor("http://a.example", { http_proxy: "small:1", no_proxy: "a.example" })).toBeUndefined();
});

test("fails for what is no address, without showing it", () => {
  expect(() => proxyFor("http://a.example", { HTTP_PROXY: "http://u:geheim@:x" })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("geheim") }),
  );
});
