/** The files of a mirror of Debian's archive: by HTTP, or in a folder of this machine. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { HttpClient } from "../cloud/http";
import type { Environment } from "../cloud/proxy";
import { VisaImageError } from "../errors";

/** Most bytes of a file: Debian's largest index has 50 MB as it is, 9 MB packed. */
const LARGEST = 256 << 20;

/** A mirror. */
export interface MirrorFiles {
  /** What is said of a file: never a password. */
  where(path: string): string;
  /** The file; nothing where the mirror does not have it. @throws VisaImageError where it cannot be reached */
  get(path: string): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

/** @param address of the archive (what has `dists`), `http:`, `https:` or `file:`, or a folder */
export function openMirror(address: string, environment: Environment): MirrorFiles {
  const base = address.replace(/\/+$/, "");
  return /^https?:/.test(base) ? remote(base, environment) : local(base);
}

function local(base: string): MirrorFiles {
  const folder = base.startsWith("file:") ? fileURLToPath(base) : resolve(base);
  return {
    where: (path) => join(folder, path),
    async get(path) {
      try {
        return await readFile(join(folder, path));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    close: async () => {},
  };
}

function remote(base: string, environment: Environment): MirrorFiles {
  // The build's proxy, where it has one of its own.
  const proxy = environment.VISA_BUILD_PROXY || environment.VISA_HTTP_PROXY;
  const http = new HttpClient({
    environment: { ...environment, ...(proxy && { HTTP_PROXY: proxy, HTTPS_PROXY: proxy }) },
    fix: "name a mirror that can be reached (--mirror, VISA_DEBIAN_MIRROR), or use what is in the cache: --offline",
  });
  const shown = new URL(base);
  [shown.username, shown.password] = ["", ""];
  const { username, password } = new URL(base);
  const authorization = username
    ? `Basic ${Buffer.from([username, password].map(decodeURIComponent).join(":")).toString("base64")}`
    : undefined;
  return {
    where: (path) => `${shown.href}/${path}`,
    async get(path) {
      const url = `${shown.href}/${path}`;
      const answer = await http.download(url, LARGEST, authorization ? { authorization } : {});
      if (answer.status === 200) return answer.bytes;
      if (answer.status === 404 || answer.status === 410) return undefined;
      throw new VisaImageError(`"${url}" answered ${answer.status}`, {
        fix: "try again, or use what is in the cache: --offline",
      });
    },
    close: () => http.close(),
  };
}
