import { readFileSync } from "node:fs";
import { join } from "node:path";
import { relativeTo } from "../../lib/specify/relative-to";
import { CHAIN, temporaryCatalog } from "../fixtures/temporary-catalog";
import { last, manifest, run } from "./support";

describe("the build machine", () => {
  const environment = (machine: string) => ({
    "two/environment.yml": `${CHAIN["two/environment.yml"]}machine: ${machine}\n`,
  });

  test("as environment.yml says, which goes before the manifest", () => {
    const folder = temporaryCatalog({
      ...CHAIN,
      ...environment('{preset: trial, memory_mb: 3000, headless: false, ca: "ca.pem"}'),
      "two/manifest.yml": `${manifest}  builders:\n    - {type: qemu, cpus: 4, memory: 8192}\n`,
    });
    const { machine } = last(run(folder));
    expect(machine).toEqual({
      preset: "trial",
      cpus: 4,
      memoryMb: 3000,
      headless: false,
      ca: join(folder, "two/ca.pem"),
    });
  });

  test("as the guide's example says", () => {
    const [, yaml] = /```yaml\n(machine:[\s\S]*?)```/.exec(readFileSync("docs/inputs.md", "utf8")) ?? [];
    const folder = temporaryCatalog({ ...CHAIN, "two/environment.yml": `${CHAIN["two/environment.yml"]}${yaml}` });
    const machine = { preset: "production", mirror: "http://mirror.facility.example/debian" };
    expect(last(run(folder)).machine).toEqual(machine);
  });

  test("as code says is kept apart from what templates say, and staged with relative paths", () => {
    const folder = temporaryCatalog({ ...CHAIN, ...environment("{cpus: 3}") });
    const specification = run(folder, { machine: { cpus: 5, memoryMb: undefined, ca: join(folder, "ca.pem") } });
    expect(specification.machine).toEqual({ cpus: 5, ca: join(folder, "ca.pem") });
    expect(last(specification).machine).toEqual({ cpus: 3 });
    expect(relativeTo(specification, join(folder, "two")).machine).toEqual({ cpus: 5, ca: "../ca.pem" });
  });

  test.each([
    ["4G", 4096],
    ["4 GiB", 4096],
    ["'3000'", 3000],
    ["512M", 512],
  ])("memory may have a unit: %s", (text, memoryMb) => {
    expect(last(run(temporaryCatalog({ ...CHAIN, ...environment(`{memory_mb: ${text}}`) }))).machine).toEqual({
      memoryMb,
    });
  });

  test.each([
    ["an unknown key", "{memory: 4}", /two\/environment.yml:9:.*unknown key "memory"/],
    ["memory of no size", "{memory_mb: much}", /environment.yml:9:\d+: "much" is no size.*\n.*"memory_mb: 4G"/],
    ["memory of no whole MiB", "{memory_mb: 0.5M}", /"0.5M" is no size of memory/],
    ["memory in words of YAML", "{memory_mb: true}", /true stands where integer or string is needed/],
    ["a size that is not there", "{preset: large}", /"large" is not supported\n.*known values: production, trial/],
    ["a proxy with a password", '{proxy: "http://u:p@proxy"}', /environment.yml.*holds a password\n.*VISA_BUILD_PROXY/],
    ["an address that is none", "{vnc_address: here}", /environment.yml.*"here" is no address for VNC/],
  ])("fails for %s in environment.yml", (_, machine, message) => {
    expect(() => run(temporaryCatalog({ ...CHAIN, ...environment(machine) }))).toThrow(message);
  });

  test("fails for a proxy with a password in code", () => {
    expect(() => run(temporaryCatalog(CHAIN), { machine: { proxy: "u:p@proxy:3128" } })).toThrow(/holds a password/);
  });
});
