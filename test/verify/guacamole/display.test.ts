import { PNG } from "pngjs";
import { GuacamoleDisplay } from "../../../lib/verify/guacamole/display";
import { encodeInstruction, InstructionParser } from "../../../lib/verify/guacamole/protocol";

type Colour = readonly [number, number, number, number];
const RED: Colour = [255, 0, 0, 255];
const GREEN: Colour = [0, 255, 0, 255];
const BLACK: Colour = [0, 0, 0, 255];

/** A display to which instructions come as guacd would send them. */
function draw(...instructions: (string | number)[][]): GuacamoleDisplay {
  const display = new GuacamoleDisplay();
  const text = instructions.map(([opcode, ...args]) => encodeInstruction(String(opcode), ...args)).join("");
  for (const instruction of new InstructionParser().push(Buffer.from(text))) display.draw(instruction);
  return display;
}

function png(width: number, height: number, colour: Colour): string {
  const image = new PNG({ width, height });
  for (let at = 0; at < image.data.length; at += 4) image.data.set(colour, at);
  return PNG.sync.write(image).toString("base64");
}

function pixel(display: GuacamoleDisplay, x: number, y: number): Colour {
  const { width, data } = PNG.sync.read(display.screenshot());
  return [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)] as unknown as Colour;
}

const screen = ["size", 0, 8, 8];
const fill = (layer: number, x: number, y: number, size: number, colour: Colour, mask = 14) => [
  ["rect", layer, x, y, size, size],
  ["cfill", mask, layer, ...colour],
];

describe("GuacamoleDisplay", () => {
  test("has the size that guacd says, and is black before anything is drawn", () => {
    const display = draw(["size", 0, 3, 2]);
    expect(display.size).toEqual({ width: 3, height: 2 });
    expect(pixel(display, 2, 1)).toEqual(BLACK);
  });

  test("draws a PNG that comes in several blobs, when it ends and not before", () => {
    const data = Buffer.from(png(2, 2, RED), "base64");
    const start = [
      screen,
      ["img", 5, 14, 0, "image/png", 3, 4],
      ["blob", 5, data.subarray(0, 20).toString("base64")],
      ["blob", 5, data.subarray(20).toString("base64")],
    ];
    expect(pixel(draw(...start), 3, 4)).toEqual(BLACK);
    const display = draw(...start, ["end", 5]);
    expect([pixel(display, 3, 4), pixel(display, 4, 5), pixel(display, 5, 5)]).toEqual([RED, RED, BLACK]);
  });

  test("keeps streams apart", () => {
    const display = draw(
      screen,
      ["img", 1, 14, 0, "image/png", 0, 0],
      ["img", 2, 14, 0, "image/png", 4, 4],
      ["blob", 2, png(1, 1, GREEN)],
      ["blob", 1, png(1, 1, RED)],
      ["end", 2],
      ["end", 1],
    );
    expect([pixel(display, 0, 0), pixel(display, 4, 4)]).toEqual([RED, GREEN]);
  });

  test("fills rectangles, several of one path, and forgets the path", () => {
    const display = draw(
      screen,
      ["rect", 0, 0, 0, 1, 1],
      ["rect", 0, 7, 7, 1, 1],
      ["cfill", 14, 0, ...RED],
      ["cfill", 14, 0, ...GREEN],
    );
    expect([pixel(display, 0, 0), pixel(display, 7, 7), pixel(display, 3, 3)]).toEqual([RED, RED, BLACK]);
  });

  test("copies from a buffer, and within a layer onto itself", () => {
    const display = draw(
      screen,
      ...fill(-1, 0, 0, 2, RED),
      ["copy", -1, 0, 0, 2, 2, 14, 0, 0, 0],
      ["copy", 0, 0, 0, 2, 2, 12, 0, 1, 1],
    );
    expect([pixel(display, 0, 0), pixel(display, 2, 2), pixel(display, 3, 3)]).toEqual([RED, RED, BLACK]);
  });

  test("cuts off what lies outside of a layer", () => {
    const display = draw(screen, ...fill(0, -1, -1, 2, RED), ...fill(0, 7, 7, 4, GREEN));
    expect([pixel(display, 0, 0), pixel(display, 1, 1), pixel(display, 7, 7)]).toEqual([RED, BLACK, GREEN]);
  });

  test("mixes half transparent colours", () => {
    const display = draw(screen, ...fill(0, 0, 0, 8, RED), ...fill(0, 0, 0, 8, [0, 255, 0, 128]));
    expect(pixel(display, 0, 0)).toEqual([127, 128, 0, 255]);
  });

  test.each([
    ["source only where there is a destination (in)", 4, [0, 255, 0, 255], [0, 0, 0, 255]],
    ["source only where there is none (out)", 8, [0, 0, 0, 255], [0, 255, 0, 255]],
    ["destination over source", 11, [255, 0, 0, 255], [0, 255, 0, 255]],
    ["source over destination, nothing outside (atop)", 6, [0, 255, 0, 255], [0, 0, 0, 255]],
    ["either, but not both (xor)", 10, [0, 0, 0, 255], [0, 255, 0, 255]],
    ["the sum of both (plus)", 15, [128, 128, 0, 255], [0, 255, 0, 255]],
  ])("composes %s", (_, mask, inside, outside) => {
    const display = draw(screen, ...fill(0, 0, 0, 4, RED), ...fill(0, 0, 0, 8, GREEN, mask));
    expect([pixel(display, 0, 0), pixel(display, 6, 6)]).toEqual([inside, outside]);
  });

  test.each([
    ["black", 0x0, [0, 0, 0]],
    ["white", 0xf, [255, 255, 255]],
    ["source", 0x3, [0b1100, 0b1100, 0b1100]],
    ["destination", 0x5, [0b1010, 0b1010, 0b1010]],
    ["and", 0x1, [0b1000, 0b1000, 0b1000]],
    ["or", 0x7, [0b1110, 0b1110, 0b1110]],
    ["xor", 0x6, [0b0110, 0b0110, 0b0110]],
    ["not source", 0xc, [0xf3, 0xf3, 0xf3]],
    ["not source and destination", 0x4, [0b0010, 0b0010, 0b0010]],
  ])("transfers by %s", (_, operation, wanted) => {
    const display = draw(
      screen,
      ...fill(0, 0, 0, 8, [0b1010, 0b1010, 0b1010, 255]),
      ...fill(-1, 0, 0, 8, [0b1100, 0b1100, 0b1100, 255]),
      ["transfer", -1, 0, 0, 8, 8, operation, 0, 0, 0],
    );
    expect(pixel(display, 1, 1)).toEqual([...wanted, 255]);
  });

  test("shows layers above the screen where they were moved, by depth and shade, until they are disposed of", () => {
    const layers = [
      screen,
      ["size", 1, 2, 2],
      ["size", 2, 2, 2],
      ...fill(1, 0, 0, 2, GREEN),
      ...fill(2, 0, 0, 2, RED),
      ["move", 1, 0, 4, 4, 2],
      ["move", 2, 0, 4, 4, 1],
    ];
    expect(pixel(draw(...layers), 4, 4)).toEqual(GREEN);
    expect(pixel(draw(...layers, ["shade", 1, 0]), 4, 4)).toEqual(RED);
    expect(pixel(draw(...layers, ["dispose", 1], ["dispose", 2]), 4, 4)).toEqual(BLACK);
  });

  test("keeps the picture when the screen grows", () => {
    const display = draw(screen, ...fill(0, 0, 0, 8, RED), ["size", 0, 10, 10]);
    expect([pixel(display, 7, 7), pixel(display, 9, 9)]).toEqual([RED, BLACK]);
  });

  test("counts what is drawn on the screen, not on buffers", () => {
    expect(draw(screen, ...fill(-1, 0, 0, 8, RED)).drawnPixels).toBe(0);
    expect(draw(screen, ...fill(0, 0, 0, 8, RED)).drawnPixels).toBe(64);
  });

  test("tells a screen of 16 bits from one of 24", () => {
    const fine = (red: number, green: number, blue: number) =>
      draw(screen, ...fill(0, 0, 0, 4, [red, green, blue, 255])).statistics().fine;
    // What a screen of 16 bits has is repeated: 0b10101 becomes 0b10101101.
    expect([fine(0b10101101, 3, 255), fine(0, 0, 0), fine(0b11111111, 0, 0b00100001)]).toEqual([0, 0, 0]);
    expect([fine(0b10101100, 0, 0), fine(0, 0, 0b00100000)]).toEqual([0.25, 0.25]);
  });

  test("tells an empty screen from one that shows something", () => {
    expect(draw(screen).statistics()).toEqual({ colours: 1, black: 1, fine: 0 });
    const display = draw(screen, ...fill(0, 0, 0, 4, RED));
    expect(display.statistics()).toMatchObject({ colours: 2, black: 0.75 });
  });

  test("leaves to others what is not drawing", () => {
    expect(new GuacamoleDisplay().draw({ opcode: "blob", args: ["9", "AAAA"] })).toBe(false);
    expect(new GuacamoleDisplay().draw({ opcode: "sync", args: ["1"] })).toBe(false);
    expect(new GuacamoleDisplay().draw({ opcode: "arc", args: ["0", "0", "0", "5", "0", "1", "0"] })).toBe(false);
  });

  test("fails on a screenshot before there is a screen", () => {
    expect(() => new GuacamoleDisplay().screenshot()).toThrow("there is no screen yet");
  });

  test.each([
    [
      "an image that is no PNG",
      [
        ["img", 1, 14, 0, "image/png", 0, 0],
        ["blob", 1, "AAAA"],
        ["end", 1],
      ],
      "no PNG",
    ],
    ["an image type that was not announced", [["img", 1, 14, 0, "image/webp", 0, 0]], 'of type "image/webp"'],
    ["a number that is none", [["size", 0, "wide", 1]], '"size" with "wide"'],
    ["a missing number", [["size", 0, 1]], '"size" with ""'],
    ["a screen beyond all bounds", [["size", 0, 100000, 100000]], "100000x100000 pixels"],
    ["a rectangle beyond all bounds", [["rect", 0, 0, 0, 99999, 99999]], "99999x99999 pixels"],
    ["a buffer that grows beyond all bounds", fill(-1, 99999, 99999, 1, RED), "100000x100000 pixels"],
  ])("fails on %s", (_, instructions, message) => {
    expect(() => draw(screen, ...instructions)).toThrow(message);
  });

  test("fails on a PNG whose header promises too many pixels, before it is unpacked", () => {
    const data = Buffer.from(png(1, 1, RED), "base64");
    data.writeUInt32BE(0x7fffffff, 16);
    const blob = ["blob", 1, data.toString("base64")];
    expect(() => draw(["img", 1, 14, 0, "image/png", 0, 0], blob, ["end", 1])).toThrow("2147483647x1 pixels");
  });
});
