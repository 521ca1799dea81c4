/** Where guacd/install.sh takes guacd from, without a guest; what it installs is looked at by test/e2e. */
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";
import { type Outcome, Sandbox } from "./support/sandbox";

jest.setTimeout(60_000);

const APACHE = "https://archive.apache.org/dist/guacamole/1.6.0/source/guacamole-server-1.6.0.tar.gz";
const SUM = "8bc45675da96d7b6f39728160181e3d4ff3c08f460f6d26de5805b642bf13f2b";

describe("the script", () => {
  let sandbox: Sandbox;

  beforeEach(() => {
    sandbox = new Sandbox("visa-base");
    sandbox.stub("apt-cache", "exit 1");
    sandbox.stub("dpkg-query", "exit 0");
    // Something is downloaded, which is not the release.
    sandbox.stub(
      "curl",
      'echo "curl ${*: -1}" >>"$VISA_CALLS"; while [[ $1 != --output ]]; do shift; done; echo other >"$2"',
    );
  });
  afterEach(() => sandbox.remove());

  const install = (environment: Record<string, string> = {}): Outcome =>
    sandbox.script("visa-base/guacd/install.sh", environment);
  const compilers = () => sandbox.calls().filter((call) => call.includes("build-essential"));

  test.each([
    ["what nobody chooses", {}, APACHE],
    ["an empty choice", { VISA_GUACD_SOURCE: "" }, APACHE],
    [
      "a copy of the release",
      { VISA_GUACD_SOURCE_URL: "https://mirror.example/guacamole-server-1.6.0.tar.gz" },
      undefined,
    ],
  ])("takes Apache's 1.6.0 by its sum: %s", (_, environment: Record<string, string>, address) => {
    const { status, text } = install(environment);
    const url = address ?? environment.VISA_GUACD_SOURCE_URL;
    expect([status, text]).toEqual([1, `guacd: ${url} has not the SHA-256 ${SUM}\n`]);
    expect(sandbox.calls()).toContain(`curl ${url}`);
    expect(compilers()).toEqual([]);
  });

  test("fails for another release without its sum, before anything is installed", () => {
    const url = "https://mirror.example/guacamole-server-1.7.0.tar.gz";
    expect(install({ VISA_GUACD_SOURCE_URL: url }).text).toContain("set VISA_GUACD_SOURCE_SHA256 to the SHA-256");
    expect(sandbox.calls().filter((call) => call.includes("install"))).toEqual([]);
  });

  test("fails where the source cannot be reached, before a compiler is installed, and takes nothing else in its place", () => {
    sandbox.stub("curl", "exit 6");
    const { status, text } = install();
    expect([status, text]).toEqual([
      1,
      `guacd: ${APACHE} cannot be had here: set guacd_source_url to a copy of it, or guacd_source to older-suite\n`,
    ]);
    expect(compilers()).toEqual([]);
  });

  test.each([
    ["distribution", "this distribution has no guacd: set guacd_source to source or older-suite"],
    ["debian-11", 'guacd_source is "debian-11", not one of source, distribution, older-suite'],
  ])("fails for %s", (source, message) => {
    expect(install({ VISA_GUACD_SOURCE: source })).toEqual({ status: 1, text: `guacd: ${message}\n` });
  });
});

describe("the template", () => {
  function layer(environment: Record<string, string> = {}) {
    const warnings: string[] = [];
    const options = { catalog: Catalog.shipped(), template: "visa-base", environment };
    const { layers } = specify({ ...options, onWarning: (text) => warnings.push(text) });
    return { inputs: layers.at(-1)?.inputs ?? {}, warnings };
  }

  test("takes Apache's release unless another place is chosen, and warns of nothing", () => {
    const { inputs, warnings } = layer();
    expect(inputs).toMatchObject({ "variable guacd_source": "source" });
    expect(inputs).not.toHaveProperty("warning");
    expect(warnings).toEqual([]);
  });

  test("warns of Debian 11's, at synth and among the inputs that a plan shows", () => {
    const { inputs, warnings } = layer({ guacd_source: "older-suite" });
    expect(inputs.warning).toBe(
      "guacd 1.3 and libssl1.1 are those of Debian 11, which has had no support since August 2026 (guacd_source: older-suite); guacd_source: source compiles 1.6.0",
    );
    expect(warnings).toEqual([`"visa-base": ${inputs.warning}`]);
  });
});
