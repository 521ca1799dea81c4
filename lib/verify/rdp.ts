/**
 * The first two packets of an RDP connection: whether an RDP server answers at all, and which security it picks.
 *
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-rdpbcgr (2.2.1.1 and 2.2.1.2)
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { VisaImageError } from "../errors";

/** How an RDP connection is secured. `rdp` is the old encryption, which current clients refuse or fail with. */
export type RdpSecurity = "rdp" | "tls" | "credssp" | "credssp-early-auth";

/** Options of {@link probeRdp}. */
export interface RdpProbeOptions {
  readonly host: string;
  /** @default 3389 */
  readonly port?: number;
  /** @default 5 */
  readonly timeoutSeconds?: number;
}

/** What an RDP server answered. */
export interface RdpAnswer {
  /** The security that it picked when offered TLS and CredSSP. */
  readonly security: RdpSecurity;
  /** Such as `TLSv1.3`, where it picked TLS and TLS works; else undefined. */
  readonly tlsVersion?: string;
}

/** The request of visa-contract's assertion 13, with TLS (1) and CredSSP (2) offered. */
const REQUEST = Buffer.from("030000130ee000000000000100080003000000", "hex");

const SECURITY: Readonly<Record<number, RdpSecurity>> = { 0: "rdp", 1: "tls", 2: "credssp", 8: "credssp-early-auth" };

/** The server's reasons to refuse (RDP_NEG_FAILURE). */
const REFUSALS: Readonly<Record<number, string>> = {
  1: "it wants TLS",
  2: "it does not do TLS",
  3: "it has no certificate",
  4: "its flags are inconsistent",
  5: "it wants CredSSP",
  6: "it wants TLS with a certificate of the client",
};

/**
 * Asks an RDP server to negotiate, and shakes hands by TLS if that is what it picks.
 *
 * @throws VisaImageError where nothing answers in time, it is not RDP, it refuses, or its TLS does not work
 */
export async function probeRdp(options: RdpProbeOptions): Promise<RdpAnswer> {
  const { host, port = 3389, timeoutSeconds = 5 } = options;
  const where = `${host}:${port}`;
  const socket = connect({ host, port });
  let ends = (_error: VisaImageError) => {};
  const ended = new Promise<never>((_, reject) => {
    ends = reject;
  });
  ended.catch(() => {});
  const timer = setTimeout(
    () => ends(new VisaImageError(`no answer of an RDP server at ${where} within ${timeoutSeconds} s`)),
    timeoutSeconds * 1000,
  );
  socket.on("error", (cause: NodeJS.ErrnoException) =>
    ends(new VisaImageError(`no RDP server at ${where}: ${cause.code ?? cause.message}`, { cause })),
  );
  // A port that QEMU forwards accepts and then closes where nothing listens behind it.
  socket.on("close", () => ends(new VisaImageError(`no RDP server at ${where}: the connection was closed`)));
  try {
    socket.write(REQUEST);
    const security = parseAnswer(await Promise.race([readPacket(socket), ended]), where);
    if (security === "rdp") return { security };
    return { security, tlsVersion: await Promise.race([shakeHands(socket, where), ended]) };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** The same for polling: undefined where there is no RDP server (yet). */
export async function rdpAnswer(options: RdpProbeOptions): Promise<RdpAnswer | undefined> {
  return probeRdp(options).catch(() => undefined);
}

/** One TPKT packet: 3, 0, then its length in two bytes. Nothing else is read from the socket, TLS comes next. */
function readPacket(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    let packet = Buffer.alloc(0);
    const read = (data: Buffer) => {
      packet = Buffer.concat([packet, data]);
      const length = packet[0] === 3 && packet.length >= 4 ? packet.readUInt16BE(2) : 0;
      if (packet.length < 4 && packet[0] === 3) return;
      if (length > packet.length) return;
      socket.off("data", read);
      socket.pause();
      resolve(packet);
    };
    socket.on("data", read);
  });
}

function parseAnswer(packet: Buffer, where: string): RdpSecurity {
  // TPKT (4 bytes), then an X.224 connection confirm: length, 0xd0, destination, source, class.
  if (packet.length < 11 || packet[0] !== 3 || ((packet[5] ?? 0) & 0xf0) !== 0xd0) {
    throw new VisaImageError(`what answers at ${where} is not an RDP server: "${packet.toString("hex", 0, 24)}"`);
  }
  // Servers without negotiation say no more than that: the old security.
  if (packet.length < 19) return "rdp";
  const [kind, value] = [packet[11], packet.readUInt32LE(15)];
  if (kind === 3) throw new VisaImageError(`the RDP server at ${where} refuses: ${REFUSALS[value] ?? `code ${value}`}`);
  const security = kind === 2 ? SECURITY[value] : undefined;
  if (!security) {
    throw new VisaImageError(`the RDP server at ${where} answers nonsense: "${packet.toString("hex", 0, 24)}"`);
  }
  return security;
}

function shakeHands(socket: Socket, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // xrdp makes its own certificate, as VISA expects: it sets ignore-cert.
    const tls = connectTls({ socket, rejectUnauthorized: false });
    tls.once("secureConnect", () => {
      resolve(tls.getProtocol() ?? "");
      tls.destroy();
    });
    tls.once("error", (cause) =>
      reject(
        new VisaImageError(`the RDP server at ${where} offers TLS that does not work: ${cause.message}`, { cause }),
      ),
    );
  });
}
