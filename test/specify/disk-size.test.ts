import { CHAIN, temporaryCatalog } from "../fixtures/temporary-catalog";
import { last, run } from "./support";

describe("disk sizes", () => {
  const sized = (one: string, two: string) =>
    temporaryCatalog({
      ...CHAIN,
      "one/environment.yml": one,
      "two/environment.yml": `${CHAIN["two/environment.yml"]}`.replace("environment:", `environment:\n  ${two}`),
    });

  test("are the variable, else the builder's, else the parent's, else 10", () => {
    expect(run(temporaryCatalog(CHAIN)).layers.map(({ diskSizeGb }) => diskSizeGb)).toEqual([10, 10]);
    expect(run(sized("environment: {disk_size_gb: 12}", "a: b")).layers.map(({ diskSizeGb }) => diskSizeGb)).toEqual([
      12, 12,
    ]);
    const builder = {
      ...CHAIN,
      "one/manifest.yml": `${CHAIN["one/manifest.yml"]}  builders: [{type: qemu, disk_size: 20480}]\n`,
    };
    expect(last(run(temporaryCatalog(builder))).diskSizeGb).toBe(20);
  });

  test("fails for a child that is smaller than its parent", () => {
    expect(() => run(sized("environment: {disk_size_gb: 12}", "disk_size_gb: 8"))).toThrow(
      /"two" \(8 GiB\) is smaller than that of "one" \(12 GiB\)/,
    );
  });

  test("fails for what is no size", () => {
    expect(() => run(sized("environment: {disk_size_gb: 0}", "a: b"))).toThrow(/"0" is not the size of a disk/);
  });
});
