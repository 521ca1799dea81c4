/** The images that guacd sends: PNG, or JPEG for what moves. guacd 1.3 sends that without being told that it may. */
import { decode as decodeJpeg } from "jpeg-js";
import { PNG } from "pngjs";
import { VisaImageError } from "../../errors";

/** Pixels: red, green, blue, alpha. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

/** 8192 × 8192: more than any screen, and a bound on what a layer or an image may take. */
export const MAX_PIXELS = 1 << 26;

/** What decoding a JPEG may take, in MiB: 19 bytes a pixel, so that one of 8192 × 4320 pixels can be. */
const JPEG_MEMORY_MB = 700;

/** Decoders by the image's MIME type: each throws a VisaImageError on what is not of its type, or has too many pixels. */
export const DECODERS: Readonly<Record<string, (data: Buffer) => DecodedImage>> = {
  "image/png": readPng,
  "image/jpeg": readJpeg,
};

/** @throws VisaImageError where a size has more than {@link MAX_PIXELS}, or is none */
export function checkSize(width: number, height: number): void {
  if (width < 0 || height < 0 || width * height > MAX_PIXELS) {
    throw new VisaImageError(`guacd draws something of ${width}x${height} pixels`);
  }
}

function readPng(data: Buffer): DecodedImage {
  // The size stands in the first chunk: look before pngjs allocates.
  if (data.length < 24) throw new VisaImageError(`guacd sent an image of ${data.length} bytes, which is no PNG`);
  checkSize(data.readUInt32BE(16), data.readUInt32BE(20));
  try {
    const { width, height, data: pixels } = PNG.sync.read(data);
    return { width, height, pixels };
  } catch (cause) {
    throw new VisaImageError(`guacd sent an image that is no PNG: ${(cause as Error).message}`, { cause });
  }
}

function readJpeg(data: Buffer): DecodedImage {
  try {
    const {
      width,
      height,
      data: pixels,
    } = decodeJpeg(data, {
      maxResolutionInMP: MAX_PIXELS / 1e6,
      maxMemoryUsageInMB: JPEG_MEMORY_MB,
      tolerantDecoding: false,
    });
    return { width, height, pixels };
  } catch (cause) {
    throw new VisaImageError(`guacd sent an image that is no JPEG: ${(cause as Error).message}`, { cause });
  }
}
