/**
 * Decodes baseline JPEG (ITU T.81), as libjpeg writes it by default: guacd sends it for large parts of the screen that
 * change often, even to a client that has announced PNG alone, and its 1.3 has no parameter against it.
 */
import { VisaImageError } from "../../errors";

/** Pixels: red, green, blue, alpha. */
export interface JpegImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

interface Component {
  readonly id: number;
  readonly horizontal: number;
  readonly vertical: number;
  readonly quantisation: number;
  /** Samples in whole blocks, `stride` to a row. */
  samples: Uint8ClampedArray;
  stride: number;
  dc: number;
  dcTable: HuffmanTable;
  acTable: HuffmanTable;
}

/** How many codes there are of each length (from 1), and their symbols in the order of the codes. */
interface HuffmanTable {
  readonly count: readonly number[];
  readonly symbols: Uint8Array;
}

const ZIGZAG = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
  55, 62, 63,
];

/** `COSINE[x * 8 + u]`, with the normalisation of the inverse transform. */
const COSINE = Float64Array.from({ length: 64 }, (_, at) => {
  const [x, u] = [at >> 3, at & 7];
  return (u === 0 ? Math.SQRT1_2 : 1) * 0.5 * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
});

const NO_TABLE: HuffmanTable = { count: [], symbols: new Uint8Array() };

/**
 * @param maxPixels what an image may have at most
 * @throws VisaImageError on what is no baseline JPEG, is cut off, or is too large
 */
export function decodeJpeg(data: Buffer, maxPixels: number): JpegImage {
  const quantisation: Uint16Array[] = [];
  const dcTables: HuffmanTable[] = [];
  const acTables: HuffmanTable[] = [];
  let restartInterval = 0;
  let size = { width: 0, height: 0 };
  let components: Component[] = [];
  if (data.length < 4 || data.readUInt16BE(0) !== 0xffd8) throw broken("it does not begin as one");
  for (let at = 2; at + 4 <= data.length; ) {
    const marker = data.readUInt16BE(at);
    const end = at + 2 + data.readUInt16BE(at + 2);
    if (marker < 0xff01 || end > data.length || end < at + 4) throw broken(`a bad segment at byte ${at}`);
    const segment = data.subarray(at + 4, end);
    at = end;
    if (marker === 0xffdb) readQuantisation(segment, quantisation);
    else if (marker === 0xffc4) readHuffman(segment, dcTables, acTables);
    else if (marker === 0xffdd && segment.length >= 2) restartInterval = segment.readUInt16BE(0);
    else if (marker === 0xffc0 || marker === 0xffc1) {
      ({ size, components } = readFrame(segment, maxPixels));
    } else if (marker >= 0xffc2 && marker <= 0xffcf && marker !== 0xffc8 && marker !== 0xffcc) {
      throw broken(`process ${marker & 15} of JPEG, baseline is 0`);
    } else if (marker === 0xffda) {
      if (components.length === 0 || segment[0] !== components.length) throw broken("a scan without its frame");
      for (const [index, component] of components.entries()) {
        if (segment[1 + index * 2] !== component.id) throw broken("a scan of other components than the frame's");
        const tables = segment[2 + index * 2] ?? 0;
        component.dcTable = dcTables[tables >> 4] ?? NO_TABLE;
        component.acTable = acTables[tables & 15] ?? NO_TABLE;
      }
      readScan(data.subarray(end), size, components, quantisation, restartInterval);
      return toPixels(size, components);
    }
  }
  throw broken("it has no picture");
}

function broken(what: string): VisaImageError {
  return new VisaImageError(`guacd sent an image that is no JPEG this client reads: ${what}`);
}

function readQuantisation(segment: Buffer, tables: Uint16Array[]): void {
  for (let at = 0; at < segment.length; ) {
    const head = segment[at++] ?? 0;
    const wide = head >> 4 !== 0;
    if (at + (wide ? 128 : 64) > segment.length) throw broken("a quantisation table is cut off");
    const table = new Uint16Array(64);
    for (let index = 0; index < 64; index++) {
      table[ZIGZAG[index] ?? 0] = wide ? segment.readUInt16BE(at + index * 2) : (segment[at + index] ?? 0);
    }
    tables[head & 15] = table;
    at += wide ? 128 : 64;
  }
}

function readHuffman(segment: Buffer, dcTables: HuffmanTable[], acTables: HuffmanTable[]): void {
  for (let at = 0; at < segment.length; ) {
    const head = segment[at] ?? 0;
    const count = [0, ...segment.subarray(at + 1, at + 17)];
    const length = count.reduce((sum, each) => sum + each, 0);
    if (count.length < 17 || at + 17 + length > segment.length) throw broken("a Huffman table is cut off");
    const tables = head >> 4 === 0 ? dcTables : acTables;
    tables[head & 15] = { count, symbols: segment.subarray(at + 17, at + 17 + length) };
    at += 17 + length;
  }
}

function readFrame(segment: Buffer, maxPixels: number) {
  if (segment.length < 6 || segment[0] !== 8) throw broken("its samples have not 8 bits");
  const size = { height: segment.readUInt16BE(1), width: segment.readUInt16BE(3) };
  const count = segment[5] ?? 0;
  if (size.width * size.height === 0 || size.width * size.height > maxPixels) {
    throw broken(`it has ${size.width}x${size.height} pixels`);
  }
  if ((count !== 1 && count !== 3) || segment.length < 6 + count * 3) throw broken(`it has ${count} components`);
  const components = Array.from({ length: count }, (_, index): Component => {
    const [id = 0, sampling = 0, quantisation = 0] = segment.subarray(6 + index * 3);
    const [horizontal, vertical] = [sampling >> 4, sampling & 15];
    if (horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4) throw broken("bad sampling factors");
    const tables = { dcTable: NO_TABLE, acTable: NO_TABLE };
    return { id, horizontal, vertical, quantisation, samples: new Uint8ClampedArray(), stride: 0, dc: 0, ...tables };
  });
  return { size, components };
}

/** The bits of a scan: without stuffed zeros, up to the next marker. */
class Bits {
  private at = 0;
  private held = 0;
  private bits = 0;

  constructor(private readonly data: Buffer) {}

  read(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) value = (value << 1) | this.bit();
    return value;
  }

  /** A number of `count` bits of which the smaller half stands for negative ones (T.81 F.2.2.1). */
  readSigned(count: number): number {
    if (count === 0) return 0;
    const value = this.read(count);
    return value < 1 << (count - 1) ? value - (1 << count) + 1 : value;
  }

  symbol(table: HuffmanTable): number {
    let code = 0;
    let first = 0;
    let offset = 0;
    for (let length = 1; length <= 16; length++) {
      code |= this.bit();
      const count = table.count[length] ?? 0;
      if (code - first < count) return table.symbols[offset + code - first] ?? 0;
      offset += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw broken("a code that is in no table");
  }

  /** Goes on after a restart marker. */
  restart(): void {
    this.bits = 0;
    if (this.data[this.at] !== 0xff || ((this.data[this.at + 1] ?? 0) & 0xf8) !== 0xd0) throw broken("a lost restart");
    this.at += 2;
  }

  private bit(): number {
    if (this.bits === 0) {
      const byte = this.data[this.at];
      if (byte === undefined) throw broken("it is cut off");
      if (byte === 0xff) {
        if (this.data[this.at + 1] !== 0) throw broken("it ends too early");
        this.at++;
      }
      this.at++;
      this.held = byte;
      this.bits = 8;
    }
    return (this.held >> --this.bits) & 1;
  }
}

function readScan(
  data: Buffer,
  size: { readonly width: number; readonly height: number },
  components: readonly Component[],
  quantisation: readonly Uint16Array[],
  restartInterval: number,
): void {
  const bits = new Bits(data);
  // A single component comes block by block, whatever its sampling factors say.
  const alone = components.length === 1;
  const across = alone ? 1 : Math.max(...components.map(({ horizontal }) => horizontal));
  const down = alone ? 1 : Math.max(...components.map(({ vertical }) => vertical));
  const columns = Math.ceil(size.width / (8 * across));
  const rows = Math.ceil(size.height / (8 * down));
  for (const component of components) {
    component.stride = columns * (alone ? 1 : component.horizontal) * 8;
    component.samples = new Uint8ClampedArray(component.stride * rows * (alone ? 1 : component.vertical) * 8);
  }
  for (let unit = 0; unit < columns * rows; unit++) {
    if (restartInterval > 0 && unit > 0 && unit % restartInterval === 0) {
      bits.restart();
      for (const component of components) component.dc = 0;
    }
    for (const component of components) {
      const table = quantisation[component.quantisation];
      if (!table) throw broken("a quantisation table is missing");
      const [wide, high] = alone ? [1, 1] : [component.horizontal, component.vertical];
      for (let block = 0; block < wide * high; block++) {
        const x = ((unit % columns) * wide + (block % wide)) * 8;
        const y = (Math.floor(unit / columns) * high + Math.floor(block / wide)) * 8;
        readBlock(bits, component, table, y * component.stride + x);
      }
    }
  }
}

const coefficients = new Float64Array(64);
const halfway = new Float64Array(64);

function readBlock(bits: Bits, component: Component, quantisation: Uint16Array, target: number): void {
  coefficients.fill(0);
  component.dc += bits.readSigned(bits.symbol(component.dcTable) & 15);
  coefficients[0] = component.dc * (quantisation[0] ?? 0);
  for (let index = 1; index < 64; index++) {
    const symbol = bits.symbol(component.acTable);
    const length = symbol & 15;
    if (length === 0) {
      if (symbol !== 0xf0) break;
      index += 15;
      continue;
    }
    index += symbol >> 4;
    if (index > 63) throw broken("a block of more than 64 coefficients");
    const place = ZIGZAG[index] ?? 0;
    coefficients[place] = bits.readSigned(length) * (quantisation[place] ?? 0);
  }
  // The inverse cosine transform: first each row, then each column.
  for (let v = 0; v < 8; v++) {
    for (let x = 0; x < 8; x++) {
      let sum = 0;
      for (let u = 0; u < 8; u++) sum += (COSINE[x * 8 + u] ?? 0) * (coefficients[v * 8 + u] ?? 0);
      halfway[v * 8 + x] = sum;
    }
  }
  for (let x = 0; x < 8; x++) {
    for (let y = 0; y < 8; y++) {
      let sum = 128;
      for (let v = 0; v < 8; v++) sum += (COSINE[y * 8 + v] ?? 0) * (halfway[v * 8 + x] ?? 0);
      component.samples[target + y * component.stride + x] = sum;
    }
  }
}

/** From luminance and colour differences (JFIF) to red, green and blue; coarse components are spread evenly. */
function toPixels(
  { width, height }: { readonly width: number; readonly height: number },
  components: readonly Component[],
): JpegImage {
  const pixels = Buffer.alloc(width * height * 4, 255);
  const across = Math.max(...components.map(({ horizontal }) => horizontal));
  const down = Math.max(...components.map(({ vertical }) => vertical));
  const alone = components.length === 1;
  const sample = ({ samples, stride, horizontal, vertical }: Component, x: number, y: number) =>
    samples[
      alone ? y * stride + x : Math.floor((y * vertical) / down) * stride + Math.floor((x * horizontal) / across)
    ] ?? 0;
  const [luminance, blue, red] = components;
  if (!luminance) throw broken("it has no components");
  const clamped = new Uint8ClampedArray(3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const l = sample(luminance, x, y);
      const b = blue ? sample(blue, x, y) - 128 : 0;
      const r = red ? sample(red, x, y) - 128 : 0;
      clamped[0] = l + 1.402 * r;
      clamped[1] = l - 0.344136 * b - 0.714136 * r;
      clamped[2] = l + 1.772 * b;
      pixels.set(clamped, at);
    }
  }
  return { width, height, pixels };
}
