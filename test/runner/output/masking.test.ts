import { LineSplitter } from "../../../lib/runner/output/lines";
import { createMasker, MASK } from "../../../lib/runner/output/masking";

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("createMasker", () => {
  const secret = 'pa\'ss "wörd"&';
  const { mask } = createMasker([secret]);

  test.each([
    ["as it is", secret],
    ["in base64", base64(secret)],
    ["in base64 with a line end", base64(`${secret}\n`)],
    ["in a URL", encodeURIComponent(secret)],
    ["in a form", new URLSearchParams({ v: secret }).toString().slice(2)],
    ["in JSON", JSON.stringify(secret).slice(1, -1)],
    ["in a shell's quotes", secret.replace("'", "'\\''")],
  ])("hides a secret %s", (_, form) => {
    expect(mask(`before ${form} after`)).toMatch(/^before \*\*\*\*[A-Za-z0-9+/=]{0,4} after$/);
  });

  test("hides each line of a secret of several lines, however long", () => {
    const { mask: hide } = createMasker(["first line\nsecond line\r\n\nabc"]);
    expect(hide("x first line y second line z abc")).toBe(`x ${MASK} y ${MASK} z abc`);
  });

  test("hides the longer of two secrets that begin alike", () => {
    expect(createMasker(["secret", "secret-tail"]).mask("secret-tail secret")).toBe(`${MASK} ${MASK}`);
  });

  test("of a proxy hides user and password, and not the host", () => {
    const { mask: hide } = createMasker(["http://user:p%40ss-word@proxy.example:3128"]);
    expect(hide("http://user:p%40ss-word@proxy.example:3128")).toBe(`http://${MASK}@proxy.example:3128`);
    expect(hide("password p@ss-word")).toBe(`password ${MASK}`);
    expect(hide(`Proxy-Authorization: Basic ${base64("user:p@ss-word")}`)).not.toContain(base64("user:p@ss-word"));
  });

  test("leaves lines alone where there is no secret, or one too short to hide", () => {
    expect(createMasker([]).mask("abc")).toBe("abc");
    expect(createMasker(["", "abc", "http://proxy.example:3128"]).mask("abc proxy.example")).toBe("abc proxy.example");
  });
});

describe("LineSplitter", () => {
  function split(chunks: (string | Buffer)[], secrets: string[] = []): string[] {
    const lines: string[] = [];
    const splitter = new LineSplitter(createMasker(secrets), (line) => lines.push(line));
    for (const chunk of chunks) splitter.write(Buffer.from(chunk as string));
    splitter.end();
    return lines;
  }

  test("cuts at every kind of line end, over chunks too", () => {
    expect(split(["a\nb", "c\r", "\nd\re", "\r\n", "f"])).toEqual(["a", "bc", "d", "e", "f"]);
  });

  test("keeps a character whole that is split over chunks", () => {
    const bytes = Buffer.from("wörd\n");
    expect(split([bytes.subarray(0, 2), bytes.subarray(2)])).toEqual(["wörd"]);
  });

  test("hides a secret that is split over chunks", () => {
    expect(split(["my sec", "ret here\n"], ["secret"])).toEqual([`my ${MASK} here`]);
  });

  test("hides a secret at the place where an endless line is cut", () => {
    const noise = "x".repeat(64 * 1024 - 3);
    const text = split([`${noise}sec`, `ret${noise}`, `sec`, `ret${noise}${noise}`], ["secret"]).join("");
    expect(text).not.toContain("secret");
    expect(text.split(MASK)).toHaveLength(3);
    expect(text.replaceAll(MASK, "")).toHaveLength(noise.length * 4);
  });
});
