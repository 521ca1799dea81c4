import { type AddressInfo, createServer } from "node:net";
import { freePort, isFree } from "../../../lib/verify/instance/ports";

describe("a free port", () => {
  it("is the preferred one where it can be", async () => {
    const port = await freePort(undefined);
    expect(await freePort(port)).toBe(port);
  });

  it("is never one that somebody listens on", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      expect(await isFree(port)).toBe(false);
      expect(await freePort(port)).not.toBe(port);
    } finally {
      server.close();
    }
  });

  it("is never one that is set aside", async () => {
    const port = await freePort(undefined);
    expect(await freePort(port, [port])).not.toBe(port);
  });

  it("lies below the ephemeral range", async () => {
    expect(await freePort(undefined)).toBeLessThan(32_768);
  });
});
