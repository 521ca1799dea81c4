import { statfsSync } from "node:fs";
import { NO_ROOM_FIX, VisaImageError } from "../errors";

/** Fails before anything is written where it would not fit. */
export function requireRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= bytes) return;
  const [needed, free] = [bytes, bavail * bsize].map((each) => `${Math.ceil(each / 2 ** 20)} MiB`);
  throw new VisaImageError(`"${folder}" has ${free} free, ${needed} are needed`, { fix: NO_ROOM_FIX });
}
