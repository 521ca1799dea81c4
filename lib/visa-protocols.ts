/**
 * What VISA reaches on an instance: its protocols, by VISA's own names, and their ports. The one place that the contract,
 * the security group, VISA's entry of an image and the trial instance take them from.
 *
 * VISA's API server connects to the port of each protocol of an image once a minute, from its own address, and closes
 * the connection again; an instance is ACTIVE once all of them have answered.
 */
import type { ContractPart } from "./contract";

/** A protocol as VISA knows it. */
interface ProtocolPorts {
  /** The port that VISA asks whether it is open. */
  readonly port: number;
  /** The last port that it takes, where it takes several. */
  readonly lastPort?: number;
  /** Whether VISA's Jupyter proxy forwards browsers to it. */
  readonly proxied?: boolean;
}

/** A protocol by VISA's name of it. */
export type VisaProtocol = "GUACD" | "RDP" | "JUPYTER" | "WEBX" | "VISA_FS" | "VISA_PRINT";

const PROTOCOLS: Readonly<Record<VisaProtocol, ProtocolPorts>> = {
  GUACD: { port: 4822 },
  RDP: { port: 3389 },
  JUPYTER: { port: 8888, proxied: true },
  WEBX: { port: 5555, lastPort: 5558 },
  VISA_FS: { port: 8090, proxied: true },
  VISA_PRINT: { port: 8091, proxied: true },
};

/** All of them, in the order in which an image lists them. */
export const VISA_PROTOCOLS = Object.keys(PROTOCOLS) as readonly VisaProtocol[];

/** Those that are a desktop in the browser: an image's default desktop is one of them. */
export const DESKTOP_PROTOCOLS: readonly VisaProtocol[] = ["GUACD", "WEBX"];

/** What each part of the contract makes an image answer on. */
const PROMISED: Readonly<Partial<Record<ContractPart, readonly VisaProtocol[]>>> = {
  desktop: ["GUACD", "RDP"],
  jupyter: ["JUPYTER"],
};

/** The protocols that an image answers on which keeps these parts of the contract. */
export function promisedProtocols(contract: readonly ContractPart[]): VisaProtocol[] {
  const promised = contract.flatMap((part) => PROMISED[part] ?? []);
  return VISA_PROTOCOLS.filter((name) => promised.includes(name));
}

/** The part of the contract that promises a protocol; undefined where none does. */
export function promisingPart(protocol: VisaProtocol): ContractPart | undefined {
  return (Object.keys(PROMISED) as ContractPart[]).find((part) => PROMISED[part]?.includes(protocol));
}

/** The port of a protocol, which VISA asks each minute. */
export function portOf(protocol: VisaProtocol): number {
  return PROTOCOLS[protocol].port;
}

/** The ports of all that a template's contract can promise: what an image may be reached on besides ssh. */
export const PROMISED_PORTS: readonly number[] = VISA_PROTOCOLS.filter(promisingPart).map(portOf).sort();

/** A range of ports, and which protocol it belongs to. */
export interface ProtocolRange {
  readonly protocol: VisaProtocol;
  readonly first: number;
  readonly last: number;
  /** Whether VISA's Jupyter proxy has to reach it too. */
  readonly proxied: boolean;
}

/** The ports that these protocols take. */
export function portsOf(protocols: readonly VisaProtocol[]): ProtocolRange[] {
  return protocols.map((protocol) => {
    const { port, lastPort = port, proxied = false } = PROTOCOLS[protocol];
    return { protocol, first: port, last: lastPort, proxied };
  });
}

/** What VISA calls an instance, by the ports that answer. */
export type InstanceState = "STARTING" | "PARTIALLY_ACTIVE" | "ACTIVE";

/**
 * The state of an instance by VISA's rule: the desktop's own port is asked first, and what it stands on with it; only then
 * do the others count.
 *
 * @param protocols those of the image's entry
 * @param open whether a port answers
 */
export function stateByPorts(protocols: readonly VisaProtocol[], open: (port: number) => boolean): InstanceState {
  const desktop = DESKTOP_PROTOCOLS.find((name) => protocols.includes(name));
  // GUACD shows what RDP serves: it is of no use alone.
  const first =
    desktop === "GUACD" && protocols.includes("RDP") ? [desktop, "RDP" as const] : [desktop ?? protocols[0]];
  if (first.some((name) => name === undefined || !open(portOf(name)))) return "STARTING";
  return protocols.every((name) => open(portOf(name))) ? "ACTIVE" : "PARTIALLY_ACTIVE";
}
