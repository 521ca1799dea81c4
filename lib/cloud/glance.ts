/** The little of Glance that the provider leaves to do after an image is registered: protect it, and read what Glance knows. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open as openFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { VisaImageError } from "../errors";
import { type Answer, excerpt, type HttpRequest, jsonOf } from "./http";
import {
  asRecord,
  asString,
  type Credentials,
  type Session,
  serviceEndpoint,
  signIn,
  withoutService,
} from "./keystone";

/** An image as Glance's API shows it: its own properties stand beside these. */
export interface GlanceImage {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly disk_format: string;
  readonly size: number | null;
  readonly protected: boolean;
  readonly os_hash_algo: string | null;
  readonly os_hash_value: string | null;
  readonly created_at: string;
  readonly visibility: string;
  readonly os_hidden: boolean;
  readonly [property: string]: unknown;
}

/** What Glance answered to a deletion. */
export type Deletion = "deleted" | "gone" | "in use";

/** Glance, signed in to. */
export class Glance {
  private constructor(
    /** Its address, without a version. */
    readonly endpoint: string,
    readonly session: Session,
  ) {}

  /** The project that was signed in to; nothing for a sign-in without one. */
  get projectId(): string | undefined {
    return asString(asRecord(this.session.document.project).id);
  }

  /** Signs in to Keystone and finds Glance in its catalog. */
  static async connect(credentials: Credentials): Promise<Glance> {
    const session = await signIn(credentials);
    const endpoint = serviceEndpoint(session, "image");
    if (!endpoint) throw withoutService(session, "an image service");
    return new Glance(endpoint.replace(/\/v2$/, ""), session);
  }

  /**
   * Asks it for nothing much.
   *
   * @throws VisaImageError where its address is not reached, or it does not take the sign-in
   */
  async check(): Promise<void> {
    const what = "list the images";
    json(await this.request("GET", `/v2/images?${new URLSearchParams({ limit: "1" })}`), what);
  }

  /** How images come into it besides by an upload: `web-download`, where it fetches them itself. */
  async importMethods(): Promise<readonly string[]> {
    const answer = await this.request("GET", "/v2/info/import");
    if (answer.status === 404) return [];
    const methods = asRecord(asRecord(json(answer, "ask how images are imported"))["import-methods"]);
    return Array.isArray(methods.value) ? methods.value.map(String) : [];
  }

  /**
   * The project's own images with these properties, hidden ones too, the oldest first.
   *
   * @param properties names and values; all have to be the same
   */
  async images(properties: Readonly<Record<string, string>> = {}): Promise<GlanceImage[]> {
    const owner = this.projectId;
    const found: GlanceImage[] = [];
    for (const hidden of ["false", "true"]) {
      const query = new URLSearchParams({ ...properties, ...(owner && { owner }), os_hidden: hidden, limit: "100" });
      let page: string | undefined = `/v2/images?${query}`;
      while (page) {
        const body = asRecord(json(await this.request("GET", page), "list the images"));
        found.push(...((body.images ?? []) as GlanceImage[]));
        page = asString(body.next);
      }
    }
    return found.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  }

  /** The image of that id; nothing where Glance has none. */
  async image(id: string): Promise<GlanceImage | undefined> {
    const answer = await this.request("GET", imagePath(id));
    if (answer.status === 404) return undefined;
    return json(answer, `read the image "${id}"`) as GlanceImage;
  }

  /**
   * Downloads an image's data into a file; blocks of zeroes become holes. Goes on where a connection is cut off.
   *
   * @param onProgress called with the bytes that are there
   * @returns the hex SHA-512 of what was downloaded
   */
  async download(id: string, file: string, onProgress: (bytes: number) => void = () => {}): Promise<string> {
    const hash = createHash("sha512");
    const handle = await openFile(file, "w");
    let position = 0;
    const take = async (chunk: Buffer) => {
      hash.update(chunk);
      if (!isZero(chunk)) await writeAll(handle, chunk, position);
      position += chunk.length;
      onProgress(position);
    };
    try {
      for (let attempt = 1; ; attempt++) {
        const data = await this.openData(id, position);
        try {
          for await (const chunk of data as AsyncIterable<Buffer>) await take(chunk);
          break;
        } catch (cause) {
          // A disk that is full has a code of its own; what is cut off has none, or that of the connection.
          const { code = "ECONNRESET", message } = cause as NodeJS.ErrnoException;
          if (/^(ECONNRESET|EPIPE|ETIMEDOUT|UND_ERR_.*)$/.test(code) && attempt < DOWNLOAD_ATTEMPTS) continue;
          throw new VisaImageError(`cannot download the image "${id}": ${message}`, { cause });
        }
      }
      await handle.truncate(position);
    } finally {
      await handle.close();
    }
    return hash.digest("hex");
  }

  /** An image's data, from a byte on. */
  private async openData(id: string, start: number): Promise<Readable> {
    const { http, token } = this.session;
    const url = `${this.endpoint}${imagePath(id)}/file`;
    const headers = { "x-auth-token": token, ...(start > 0 && { range: `bytes=${start}-` }) };
    const answer = await http.open({ method: "GET", url, headers });
    if (answer.status === (start > 0 ? 206 : 200)) return answer.body;
    if (answer.status >= 300) expectSuccess(await http.read(answer), `download the image "${id}"`);
    answer.body.destroy();
    throw new VisaImageError(`cannot go on with the download of the image "${id}": Glance answered ${answer.status}`);
  }

  /**
   * Makes a small image of a text, which stays hidden: what is kept beside an image, and is longer than a property may be.
   *
   * @returns its id
   * @throws VisaImageError where Glance takes it not, or not whole; then nothing of it is left
   */
  async createHidden(name: string, values: Readonly<Record<string, string>>, text: string): Promise<string> {
    const attributes = { name, container_format: "bare", disk_format: "raw", os_hidden: true, ...values };
    const what = `create the image "${name}"`;
    const made = json(await this.request("POST", "/v2/images", { body: JSON.stringify(attributes) }), what);
    const id = asString(asRecord(made).id);
    if (!id) throw new VisaImageError(`cannot ${what}: Glance gave it no id`);
    try {
      const headers = { "content-type": "application/octet-stream" };
      expectSuccess(await this.request("PUT", `${imagePath(id)}/file`, { headers, body: text }), what);
    } catch (error) {
      await this.delete(id).catch(() => {});
      throw error;
    }
    return id;
  }

  /**
   * Makes an image of a file.
   *
   * @param onProgress called with the bytes that were sent
   * @returns its id
   * @throws VisaImageError where Glance takes it not, or not whole; then nothing of it is left
   */
  async upload(
    attributes: Readonly<Record<string, string | boolean>> & { readonly name: string },
    file: string,
    onProgress: (bytes: number) => void = () => {},
  ): Promise<string> {
    const what = `upload the image "${attributes.name}"`;
    const made = json(await this.request("POST", "/v2/images", { body: JSON.stringify(attributes) }), what);
    const id = asString(asRecord(made).id);
    if (!id) throw new VisaImageError(`cannot ${what}: Glance gave it no id`);
    try {
      const { http, token } = this.session;
      const body = Readable.from(counted(createReadStream(file, { highWaterMark: 1 << 20 }), onProgress));
      const headers = { "x-auth-token": token, "content-type": "application/octet-stream" };
      const url = `${this.endpoint}${imagePath(id)}/file`;
      expectSuccess(await http.read(await http.open({ method: "PUT", url, headers, body })), what);
    } catch (error) {
      await this.delete(id).catch(() => {});
      throw error;
    }
    return id;
  }

  /** The data of a small image, as a text; nothing where there is none. */
  async text(id: string): Promise<string | undefined> {
    const answer = await this.request("GET", `${imagePath(id)}/file`);
    return answer.status === 404 || answer.status === 204
      ? undefined
      : expectSuccess(answer, `read the image "${id}"`).body;
  }

  /** Sets attributes and properties of an image; `undefined` takes a property away. */
  async update(id: string, values: Readonly<Record<string, string | boolean | undefined>>): Promise<void> {
    const patch = Object.entries(values).map(([name, value]) => {
      const path = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      // "add" also replaces what is there.
      return value === undefined ? { op: "remove", path } : { op: "add", path, value };
    });
    if (patch.length === 0) return;
    const headers = { "content-type": "application/openstack-images-v2.1-json-patch" };
    const answer = await this.request("PATCH", imagePath(id), { headers, body: JSON.stringify(patch) });
    expectSuccess(answer, `change the image "${id}"`);
  }

  /** Deletes an image. One that is protected is an error; one that something stands on is not. */
  async delete(id: string): Promise<Deletion> {
    const answer = await this.request("DELETE", imagePath(id));
    if (answer.status === 404) return "gone";
    if (answer.status === 409) return "in use";
    expectSuccess(answer, `delete the image "${id}"`);
    return "deleted";
  }

  /** Whether other projects may use an image: shared is every new one, by default with nobody. */
  async seenByOthers({ id, visibility }: Pick<GlanceImage, "id" | "visibility">): Promise<boolean> {
    if (visibility !== "shared") return visibility !== "private";
    const answer = await this.request("GET", `${imagePath(id)}/members`);
    const { members } = asRecord(json(answer, `list who shares the image "${id}"`));
    return !Array.isArray(members) || members.length > 0;
  }

  private request(
    method: HttpRequest["method"],
    path: string,
    { headers, body }: Pick<HttpRequest, "headers" | "body"> = {},
  ): Promise<Answer> {
    const { http, token } = this.session;
    return http.send({ method, url: `${this.endpoint}${path}`, headers: { ...headers, "x-auth-token": token }, body });
  }
}

/** The same chunks, with word of how many bytes went by. */
async function* counted(chunks: AsyncIterable<Buffer>, onProgress: (bytes: number) => void) {
  let sent = 0;
  for await (const chunk of chunks) {
    sent += chunk.length;
    onProgress(sent);
    yield chunk;
  }
}

function imagePath(id: string): string {
  return `/v2/images/${encodeURIComponent(id)}`;
}

/** How often a download that is cut off is gone on with. */
const DOWNLOAD_ATTEMPTS = 4;

function expectSuccess(answer: Answer, what: string): Answer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw new VisaImageError(`cannot ${what}: Glance answered ${answer.status} ${excerpt(answer.body)}`, {
    fix: answer.status === 403 ? "see whether this user may change the image" : "deploy again",
  });
}

function json(answer: Answer, what: string): unknown {
  return jsonOf(expectSuccess(answer, what), "see whether the cloud's catalog has Glance's own address");
}

/** A call may write less than it is given. */
async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

function isZero(chunk: Buffer): boolean {
  return chunk.length > 0 && chunk[0] === 0 && chunk.equals(Buffer.alloc(chunk.length));
}
