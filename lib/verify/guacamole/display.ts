/**
 * The display of a Guacamole client without a screen: layers and buffers of pixels, and the drawing instructions that
 * guacd's RDP plugin sends.
 */
import { PNG } from "pngjs";
import { VisaImageError } from "../../errors";
import { checkSize, DECODERS, type DecodedImage, MAX_PIXELS } from "./image";
import type { Instruction } from "./protocol";

/** A rectangle in pixels. */
interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Porter-Duff operators as the protocol numbers them: one bit for each of source and destination, in and out. */
const SOURCE = 0xc;
const OVER = 0xe;

/** The pixels of one layer or buffer: red, green, blue, alpha. */
class Surface {
  width = 0;
  height = 0;
  pixels = Buffer.alloc(0);
  /** Where a layer lies on its parent. Buffers are nowhere. */
  x = 0;
  y = 0;
  z = 0;
  opacity = 255;
  parent = 0;

  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    checkSize(width, height);
    const pixels = Buffer.alloc(width * height * 4);
    const kept = Math.min(width, this.width) * 4;
    for (let y = 0; y < Math.min(height, this.height); y++) {
      this.pixels.copy(pixels, y * width * 4, y * this.width * 4, y * this.width * 4 + kept);
    }
    this.width = width;
    this.height = height;
    this.pixels = pixels;
  }

  /** A copy of the part of an area that exists; the rest is transparent. */
  copy(area: Area): Surface {
    const copy = new Surface();
    copy.resize(area.width, area.height);
    const left = Math.max(0, area.x);
    const right = Math.min(this.width, area.x + area.width);
    if (right <= left) return copy;
    for (let y = Math.max(0, area.y); y < Math.min(this.height, area.y + area.height); y++) {
      const from = (y * this.width + left) * 4;
      const to = ((y - area.y) * area.width + left - area.x) * 4;
      this.pixels.copy(copy.pixels, to, from, from + (right - left) * 4);
    }
    return copy;
  }
}

/** An image on its way. */
interface ImageStream {
  readonly decode: (data: Buffer) => DecodedImage;
  readonly mask: number;
  readonly layer: number;
  readonly x: number;
  readonly y: number;
  readonly data: Buffer[];
}

/** What {@link GuacamoleDisplay.statistics} finds. */
export interface FrameStatistics {
  /** How many different colours there are. */
  readonly colours: number;
  /** The share (0 to 1) of black: what nothing was drawn on yet. */
  readonly black: number;
  /** The share (0 to 1) of pixels that no screen of 16 bits has. */
  readonly fine: number;
}

/** Layers and buffers that drawing instructions change. */
export class GuacamoleDisplay {
  private readonly surfaces = new Map<number, Surface>([[0, new Surface()]]);
  private readonly paths = new Map<number, Area[]>();
  private readonly images = new Map<string, ImageStream>();
  private imageBytes = 0;
  /** Pixels drawn on visible layers so far; what it grew by between two moments says how still the screen is. */
  drawnPixels = 0;

  /** Size of the screen. */
  get size(): { readonly width: number; readonly height: number } {
    const { width, height } = this.layer(0);
    return { width, height };
  }

  /**
   * Carries out a drawing instruction.
   *
   * @returns whether it was one
   * @throws VisaImageError on an image or a size that cannot be
   */
  draw({ opcode, args }: Instruction): boolean {
    const text = (index: number) => args[index] ?? "";
    const number = (index: number) => integer(opcode, args[index]);
    const area = (index: number): Area => {
      const [x, y, width, height] = [number(index), number(index + 1), number(index + 2), number(index + 3)];
      checkSize(width, height);
      return { x, y, width, height };
    };
    switch (opcode) {
      case "size":
        this.layer(number(0)).resize(number(1), number(2));
        return true;
      case "img": {
        const decode = DECODERS[text(3)];
        if (!decode) throw new VisaImageError(`guacd sent an image of type "${text(3)}"`);
        if (this.images.size >= 64) throw new VisaImageError("guacd sends more than 64 images at a time");
        const place = { mask: number(1), layer: number(2), x: number(4), y: number(5) };
        this.images.set(text(0), { decode, ...place, data: [] });
        return true;
      }
      case "blob": {
        const image = this.images.get(text(0));
        if (!image) return false;
        const data = Buffer.from(text(1), "base64");
        this.imageBytes += data.length;
        if (this.imageBytes > MAX_PIXELS * 4) throw new VisaImageError("guacd sends an image that does not end");
        image.data.push(data);
        return true;
      }
      case "end": {
        const image = this.images.get(text(0));
        if (!image) return false;
        this.images.delete(text(0));
        const data = Buffer.concat(image.data);
        this.imageBytes -= data.length;
        this.paint(image.layer, image.mask, image.x, image.y, Object.assign(new Surface(), image.decode(data)));
        return true;
      }
      case "rect": {
        const path = this.paths.get(number(0)) ?? [];
        if (path.length >= 4096) throw new VisaImageError("guacd sends a path that does not end");
        path.push(area(1));
        this.paths.set(number(0), path);
        return true;
      }
      case "cfill": {
        const colour = Buffer.from([number(2), number(3), number(4), number(5)]);
        for (const { x, y, ...size } of this.takePath(number(1))) {
          const fill = new Surface();
          fill.resize(size.width, size.height);
          fill.pixels.fill(colour);
          this.paint(number(1), number(0), x, y, fill);
        }
        return true;
      }
      case "copy":
        this.paint(number(6), number(5), number(7), number(8), this.layer(number(0)).copy(area(1)));
        return true;
      case "transfer":
        this.transfer(number(6), number(5), number(7), number(8), this.layer(number(0)).copy(area(1)));
        return true;
      case "move": {
        const layer = this.layer(number(0));
        Object.assign(layer, { parent: number(1), x: number(2), y: number(3), z: number(4) });
        this.drawnPixels += layer.width * layer.height;
        return true;
      }
      case "shade":
        this.layer(number(0)).opacity = Math.min(255, Math.max(0, number(1)));
        return true;
      case "dispose":
        if (number(0) !== 0) this.surfaces.delete(number(0));
        this.paths.delete(number(0));
        return true;
      // The pointer is drawn by the client, and a screenshot is better without it.
      case "cursor":
        return true;
      // Also what RDP's plugin never draws with: arcs, lines, clipping.
      default:
        return false;
    }
  }

  /** The screen as it is now, with its layers, opaque. */
  render(): { readonly width: number; readonly height: number; readonly pixels: Buffer } {
    const screen = new Surface();
    const { width, height } = this.layer(0);
    screen.resize(width, height);
    for (let at = 3; at < screen.pixels.length; at += 4) screen.pixels[at] = 255;
    const layers = [...this.surfaces].filter(([index]) => index > 0).sort(([, a], [, b]) => a.z - b.z);
    const visible = layers.filter(([, layer]) => layer.parent === 0);
    compose(screen, OVER, 0, 0, this.layer(0));
    for (const [, layer] of visible) {
      const copy = layer.copy({ x: 0, y: 0, width: layer.width, height: layer.height });
      for (let at = 3; at < copy.pixels.length; at += 4) {
        copy.pixels[at] = Math.round(((copy.pixels[at] ?? 0) * layer.opacity) / 255);
      }
      compose(screen, OVER, layer.x, layer.y, copy);
    }
    return { width, height, pixels: screen.pixels };
  }

  /** The screen as a PNG file. */
  screenshot(): Buffer {
    const { width, height, pixels } = this.render();
    if (width === 0 || height === 0) throw new VisaImageError("there is no screen yet: guacd has not told its size");
    const png = new PNG({ width, height });
    pixels.copy(png.data);
    return PNG.sync.write(png, { colorType: 2 });
  }

  /** Tells a screen that shows something from one that does not. */
  statistics(): FrameStatistics {
    const { pixels } = this.render();
    const counts = new Map<number, number>();
    let fine = 0;
    for (let at = 0; at < pixels.length; at += 4) {
      const colour = pixels.readUIntBE(at, 3);
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
      if (isFine(colour >> 16) || isFine(colour & 0xff)) fine += 1;
    }
    if (pixels.length === 0) return { colours: 0, black: 1, fine: 0 };
    const share = (count: number) => (count * 4) / pixels.length;
    return { colours: counts.size, black: share(counts.get(0) ?? 0), fine: share(fine) };
  }

  private layer(index: number): Surface {
    let surface = this.surfaces.get(index);
    if (!surface) {
      if (this.surfaces.size >= 4096) throw new VisaImageError("guacd uses more than 4096 layers");
      surface = new Surface();
      this.surfaces.set(index, surface);
    }
    return surface;
  }

  private takePath(index: number): readonly Area[] {
    const path = this.paths.get(index) ?? [];
    this.paths.delete(index);
    return path;
  }

  /** Draws on a layer; buffers (negative) grow to hold what is drawn on them, as in Guacamole's own client. */
  private target(index: number, x: number, y: number, size: Surface): Surface {
    const surface = this.layer(index);
    if (index < 0) {
      surface.resize(Math.max(surface.width, x + size.width), Math.max(surface.height, y + size.height));
    } else {
      const width = Math.min(x + size.width, surface.width) - Math.max(x, 0);
      const height = Math.min(y + size.height, surface.height) - Math.max(y, 0);
      this.drawnPixels += Math.max(0, width) * Math.max(0, height);
    }
    return surface;
  }

  private paint(index: number, mask: number, x: number, y: number, source: Surface): void {
    compose(this.target(index, x, y, source), mask, x, y, source);
  }

  /** Combines bits of colours. Each bit of `operation` is a row of the truth table of (source, destination). */
  private transfer(index: number, operation: number, x: number, y: number, source: Surface): void {
    const opaque = operation === 0x0 || operation === 0xf;
    const sourceAlpha = operation === 0x3 || operation === 0xc;
    eachPixel(this.target(index, x, y, source), x, y, source, (to, at, from, start) => {
      for (let channel = 0; channel < 3; channel++) {
        const s = from[start + channel] ?? 0;
        const d = to[at + channel] ?? 0;
        let result = 0;
        if (operation & 8) result |= ~s & ~d;
        if (operation & 4) result |= ~s & d;
        if (operation & 2) result |= s & ~d;
        if (operation & 1) result |= s & d;
        to[at + channel] = result & 255;
      }
      if (opaque) to[at + 3] = 255;
      else if (sourceAlpha) to[at + 3] = from[start + 3] ?? 0;
    });
  }
}

/** Calls back for each pixel of `source` that falls on `target`. */
function eachPixel(
  target: Surface,
  x: number,
  y: number,
  source: Surface,
  pixel: (to: Buffer, at: number, from: Buffer, start: number) => void,
): void {
  for (let row = Math.max(0, -y); row < Math.min(source.height, target.height - y); row++) {
    for (let column = Math.max(0, -x); column < Math.min(source.width, target.width - x); column++) {
      pixel(
        target.pixels,
        ((y + row) * target.width + x + column) * 4,
        source.pixels,
        (row * source.width + column) * 4,
      );
    }
  }
}

/** Porter-Duff composition with straight alpha. */
function compose(target: Surface, mask: number, x: number, y: number, source: Surface): void {
  if (mask === SOURCE) {
    const left = Math.max(0, -x);
    const right = Math.min(source.width, target.width - x);
    if (right <= left) return;
    for (let row = Math.max(0, -y); row < Math.min(source.height, target.height - y); row++) {
      const from = (row * source.width + left) * 4;
      const to = ((y + row) * target.width + x + left) * 4;
      source.pixels.copy(target.pixels, to, from, from + (right - left) * 4);
    }
    return;
  }
  eachPixel(target, x, y, source, (to, at, from, start) => {
    const sourceAlpha = from[start + 3] ?? 0;
    const targetAlpha = to[at + 3] ?? 0;
    if (mask === OVER && sourceAlpha === 255) {
      from.copy(to, at, start, start + 4);
      return;
    }
    const bit = (value: number) => (mask & value ? 1 : 0);
    const fromShare = (bit(8) * (255 - targetAlpha) + bit(4) * targetAlpha) * sourceAlpha;
    const toShare = (bit(2) * (255 - sourceAlpha) + bit(1) * sourceAlpha) * targetAlpha;
    const share = fromShare + toShare;
    for (let channel = 0; channel < 3; channel++) {
      const sum = (from[start + channel] ?? 0) * fromShare + (to[at + channel] ?? 0) * toShare;
      to[at + channel] = share === 0 ? 0 : Math.min(255, Math.round(sum / share));
    }
    to[at + 3] = Math.min(255, Math.round(share / 255));
  });
}

function integer(opcode: string, value: string | undefined): number {
  if (value === undefined || !/^-?\d{1,10}$/.test(value)) {
    throw new VisaImageError(`guacd sent "${opcode}" with "${value ?? ""}" where a number belongs`);
  }
  return Number(value);
}

/** Whether red or blue is none of the 32 values of a screen of 16 bits, which repeats their first bits as the last. */
function isFine(value: number): boolean {
  return (value & 7) !== value >> 5;
}
