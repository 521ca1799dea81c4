/** What guacd says where it refuses, or breaks off. */
import { VisaImageError } from "../../errors";

/** What guacd's status codes mean. @see https://guacamole.apache.org/doc/gug/protocol-reference.html#status-codes */
const STATUS: Readonly<Record<number, string>> = {
  256: "unsupported",
  512: "server error",
  513: "server busy",
  514: "the RDP server did not answer in time",
  515: "the RDP server failed or broke the connection",
  516: "not found",
  517: "in use or locked",
  518: "closed",
  519: "no RDP server can be reached there",
  520: "the RDP server refuses connections",
  521: "the session conflicts with another",
  522: "the session was idle for too long",
  523: "the RDP server ended the session",
  768: "bad request",
  769: "wrong user or password",
  771: "not allowed",
  776: "guacd heard nothing from the client",
  781: "too much data",
  783: "bad type of data",
  797: "too many connections",
};

/** guacd said `error`, or broke off. */
export class GuacamoleError extends VisaImageError {
  /** guacd's status code; 0 where it closed the connection without one. */
  readonly code: number;

  constructor(what: string, code = 0) {
    super(what);
    this.name = "GuacamoleError";
    this.code = code;
  }
}

/** A status code in words: `769: wrong user or password`. */
export function meaningOf(code: number): string {
  return STATUS[code] ? `${code}: ${STATUS[code]}` : `${code}`;
}
