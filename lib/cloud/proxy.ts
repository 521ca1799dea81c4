/** Which proxy a request goes through: by the rules of Go's net/http, so that it is the provider's. */
import { BlockList, isIP } from "node:net";
import { VisaImageError } from "../errors";

/** Variables by name, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

const SCHEMES = ["http:", "https:", "socks5:"];

/**
 * The proxy for an address by `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in capitals or not; nothing where there is none.
 * This machine itself is never asked through a proxy.
 *
 * @throws VisaImageError where the proxy's address is none
 */
export function proxyFor(address: string, environment: Environment): URL | undefined {
  const url = new URL(address);
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const proxy = variable(environment, name);
  if (!proxy || withoutProxy(url, variable(environment, "NO_PROXY") ?? "")) return undefined;
  const parsed = parse(proxy.includes("://") ? proxy : `http://${proxy}`);
  if (parsed && SCHEMES.includes(parsed.protocol)) return parsed;
  // Not the value itself: it may hold a password.
  throw new VisaImageError(`${name} is not the address of a proxy`, {
    fix: `${name}=http://host:port, with a user's name and password percent-encoded where it needs them`,
  });
}

function variable(environment: Environment, name: string): string | undefined {
  return environment[name] || environment[name.toLowerCase()] || undefined;
}

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Hosts and their subdomains, `.example.com` for subdomains alone, addresses, networks, each with a port or without; `*`. */
function withoutProxy(url: URL, exceptions: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (host === "localhost" || isLoopback(host)) return true;
  return exceptions
    .split(",")
    .map((each) => each.trim().toLowerCase())
    .some((each) => each !== "" && matches(host, port, each));
}

function matches(host: string, port: string, exception: string): boolean {
  if (exception === "*") return true;
  const network = /^([^/]+)\/(\d+)$/.exec(exception);
  if (network) return contains(network[1] as string, Number(network[2]), host);
  const withPort = isIP(exception) ? undefined : /^\[?([^\]]*?)\]?:(\d+)$/.exec(exception);
  if (withPort && withPort[2] !== port) return false;
  const name = (withPort ? (withPort[1] as string) : exception).replace(/^\[|\]$/g, "").replace(/^\*\./, ".");
  if (name === "") return false;
  if (isIP(name)) return isIP(host) > 0 && contains(name, isIP(name) === 4 ? 32 : 128, host);
  return name.startsWith(".") ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
}

function isLoopback(host: string): boolean {
  return contains("127.0.0.0", 8, host) || contains("::1", 128, host);
}

function contains(network: string, prefix: number, host: string): boolean {
  const [ofNetwork, ofHost] = [isIP(network), isIP(host)];
  if (ofNetwork === 0 || ofHost === 0 || prefix > (ofNetwork === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, ofNetwork === 4 ? "ipv4" : "ipv6");
  return list.check(host, ofHost === 4 ? "ipv4" : "ipv6");
}
