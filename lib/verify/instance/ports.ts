/** Free TCP ports on loopback. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { VisaImageError } from "../../errors";

// Below Linux's ephemeral range (32768 and up), so that no outgoing connection takes a port between looking and using.
const FIRST = 20_000;
const LAST = 32_000;

/** Whether something could listen on the port now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The preferred port where it is free, else another one; never one of `taken`. */
export async function freePort(preferred?: number, taken: readonly number[] = []): Promise<number> {
  if (preferred !== undefined && !taken.includes(preferred) && (await isFree(preferred))) return preferred;
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(FIRST, LAST);
    if (!taken.includes(port) && (await isFree(port))) return port;
  }
  throw new VisaImageError(`no free port on 127.0.0.1 between ${FIRST} and ${LAST}`, {
    fix: "end some of the programs that listen there",
  });
}
