import { probeRdp, rdpAnswer } from "../../lib/verify/rdp";
import { listen } from "../support/loopback-peer";

describe("probeRdp", () => {
  const answering = (hex: string) =>
    listen((socket) => socket.once("data", () => socket.write(Buffer.from(hex, "hex"))));
  const probe = (port: number) => probeRdp({ host: "127.0.0.1", port, timeoutSeconds: 1 });

  test("reads an answer that picks the old security", async () => {
    expect(await probe(await answering("030000130ed000001234000200080000000000"))).toEqual({ security: "rdp" });
  });

  test("reads the short answer of a server that does not negotiate", async () => {
    expect(await probe(await answering("0300000b06d00000123400"))).toEqual({ security: "rdp" });
  });

  test.each([
    ["refuses", "030000130ed000001234000300080005000000", "refuses: it wants CredSSP"],
    ["picks what does not exist", "030000130ed000001234000200080040000000", "answers nonsense"],
    ["is no RDP server", Buffer.from("SSH-2.0-OpenSSH\r\n").toString("hex"), "is not an RDP server"],
    ["does not answer", "", "no answer of an RDP server at 127.0.0.1"],
    ["answers half", "030000130ed0", "no answer of an RDP server at 127.0.0.1"],
    ["offers TLS and does not speak it", `030000130ed000001234000200080001000000${"00".repeat(64)}`, "TLS|no answer"],
  ])("fails where the server %s", async (_, hex, message) => {
    const port = await answering(hex);
    await expect(probe(port)).rejects.toThrow(new RegExp(message));
    expect(await rdpAnswer({ host: "127.0.0.1", port, timeoutSeconds: 1 })).toBeUndefined();
  });

  test("fails at once where the connection is closed, as QEMU does for a port without a listener", async () => {
    const started = performance.now();
    await expect(probe(await listen((socket) => socket.end()))).rejects.toThrow("the connection was closed");
    expect(performance.now() - started).toBeLessThan(900);
  });
});
