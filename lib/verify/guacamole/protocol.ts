/**
 * The Guacamole protocol on the wire: instructions such as `4.size,1.0,4.1024,3.768;`, each element with its length in
 * Unicode code points (not bytes, not UTF-16 units).
 *
 * @see https://guacamole.apache.org/doc/gug/guacamole-protocol.html
 */
import { VisaImageError } from "../../errors";

/** One instruction: its opcode and its arguments. */
export interface Instruction {
  readonly opcode: string;
  readonly args: readonly string[];
}

/** What a peer may make {@link InstructionParser} keep in memory. */
export interface InstructionLimits {
  /** Code points in one element. guacd cuts images into blobs of some KiB. @default 1048576 */
  readonly elementLength?: number;
  /** Elements in one instruction, opcode included. guacd 1.6 names about 90 parameters for RDP. @default 1024 */
  readonly elements?: number;
  /** Code points in one instruction. @default 2097152 */
  readonly instructionLength?: number;
}

/** The instruction as guacd expects it. */
export function encodeInstruction(opcode: string, ...args: readonly (string | number)[]): string {
  return `${[opcode, ...args].map((element) => `${[...String(element)].length}.${element}`).join(",")};`;
}

/** Reads instructions from the bytes of a connection, however they are cut into packets. */
export class InstructionParser {
  private readonly decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  private readonly limits: Required<InstructionLimits>;
  /** Text that is no whole element yet. */
  private rest = "";
  /** The elements so far of an instruction that has not ended. */
  private elements: string[] = [];
  private length = 0;
  private fault: VisaImageError | undefined;

  constructor(limits: InstructionLimits = {}) {
    this.limits = { elementLength: 1 << 20, elements: 1024, instructionLength: 1 << 21, ...limits };
  }

  /**
   * The instructions that these bytes complete.
   *
   * @throws VisaImageError on what is not the protocol, or is longer than the limits, and ever after
   */
  push(bytes: Uint8Array): Instruction[] {
    if (this.fault) throw this.fault;
    try {
      this.rest += this.decode(bytes);
      return this.read();
    } catch (error) {
      this.rest = "";
      this.elements = [];
      this.fault = error as VisaImageError;
      throw error;
    }
  }

  private decode(bytes: Uint8Array): string {
    try {
      return this.decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw new VisaImageError("this is not the Guacamole protocol: the bytes are not UTF-8", { cause });
    }
  }

  private read(): Instruction[] {
    const instructions: Instruction[] = [];
    let at = 0;
    for (;;) {
      const prefix = this.readLength(at);
      if (prefix === undefined) break;
      const end = skipCodePoints(this.rest, prefix.start, prefix.length);
      const terminator = end === undefined ? undefined : this.rest[end];
      if (end === undefined || terminator === undefined) break;
      this.elements.push(this.rest.slice(prefix.start, end));
      this.length += prefix.length;
      at = end + 1;
      if (terminator === ";") {
        const [opcode = "", ...args] = this.elements;
        instructions.push({ opcode, args });
        this.elements = [];
        this.length = 0;
      } else if (terminator !== ",") {
        throw garbage(`"," or ";" after an element of ${prefix.length} characters`, this.rest.slice(end));
      }
    }
    this.rest = this.rest.slice(at);
    return instructions;
  }

  /** The length at the start of an element; undefined while its digits are still on their way. */
  private readLength(at: number): { start: number; length: number } | undefined {
    const head = this.rest.slice(at, at + 8);
    const digits = /^\d*/.exec(head)?.[0].length ?? 0;
    if (digits < 8 && digits === head.length) return undefined;
    if (digits === 0 || head[digits] !== ".") throw garbage('a length such as "4."', this.rest.slice(at));
    const length = Number(head.slice(0, digits));
    const { limits } = this;
    if (length > limits.elementLength || this.length + length > limits.instructionLength) {
      throw new VisaImageError(
        `an instruction of the Guacamole protocol is too long: an element of ${length} characters`,
      );
    }
    if (this.elements.length >= limits.elements) {
      throw new VisaImageError(
        `an instruction of the Guacamole protocol is too long: more than ${limits.elements} elements`,
      );
    }
    return { start: at + digits + 1, length };
  }
}

/** The index after `count` code points, or undefined where the text ends before. */
function skipCodePoints(text: string, start: number, count: number): number | undefined {
  const end = start + count;
  if (end > text.length) return undefined;
  // Nearly all text is without surrogates, and then indexes count code points.
  if (!/[\uD800-\uDFFF]/.test(text.slice(start, end))) return end;
  let at = start;
  for (let skipped = 0; skipped < count; skipped++) {
    const codePoint = text.codePointAt(at);
    if (codePoint === undefined) return undefined;
    at += codePoint > 0xffff ? 2 : 1;
  }
  return at;
}

function garbage(expected: string, got: string): VisaImageError {
  return new VisaImageError(
    `this is not the Guacamole protocol: expected ${expected}, got ${JSON.stringify(got.slice(0, 24))}`,
  );
}
