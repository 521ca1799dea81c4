import { COLOURS, SCRIPT, STYLE } from "../../lib/report/style";

/** WCAG's contrast of two colours. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

test.each(["light", "dark"] as const)("texts can be read on their background: %s", (scheme) => {
  const { page, panel, line: _, ...texts } = COLOURS[scheme];
  const low = Object.entries(texts).filter(([, text]) => contrast(text, page) < 4.5 || contrast(text, panel) < 4.5);
  expect(low).toEqual([]);
});

test("nothing in them ends their element", () => {
  expect(`${STYLE}${SCRIPT}`).not.toContain("</");
});
