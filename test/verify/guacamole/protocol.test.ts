import fc from "fast-check";
import { encodeInstruction, type Instruction, InstructionParser } from "../../../lib/verify/guacamole/protocol";

const parse = (text: string | Buffer) => new InstructionParser().push(Buffer.from(text as string));

describe("encodeInstruction", () => {
  test("writes each element with its length in code points", () => {
    expect(encodeInstruction("size", 0, 1024, 768)).toBe("4.size,1.0,4.1024,3.768;");
    expect(encodeInstruction("name", "é", "😀", "")).toBe("4.name,1.é,1.😀,0.;");
  });
});

describe("InstructionParser", () => {
  test("reads instructions, several in one packet", () => {
    expect(parse("4.sync,8.12345678;3.nop;")).toEqual([
      { opcode: "sync", args: ["12345678"] },
      { opcode: "nop", args: [] },
    ]);
  });

  test("takes commas, semicolons and dots in a value as they are", () => {
    expect(parse("4.args,7.a,b;c.d;")).toEqual([{ opcode: "args", args: ["a,b;c.d"] }]);
  });

  test("reads back what was written, wherever the bytes are cut", () => {
    const instruction = fc.record({
      opcode: fc.string({ minLength: 1 }),
      args: fc.array(fc.string({ unit: "grapheme" })),
    });
    const instructions = fc.array(instruction, { maxLength: 5 });
    fc.assert(
      fc.property(instructions, fc.integer({ min: 1, max: 7 }), (wanted: Instruction[], step) => {
        const bytes = Buffer.from(wanted.map(({ opcode, args }) => encodeInstruction(opcode, ...args)).join(""));
        const parser = new InstructionParser();
        const got: Instruction[] = [];
        for (let at = 0; at < bytes.length; at += step) got.push(...parser.push(bytes.subarray(at, at + step)));
        expect(got).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  test("never throws anything but its own error on arbitrary bytes, nor keeps them", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 5 }), (packets) => {
        const parser = new InstructionParser({ elementLength: 32, elements: 4, instructionLength: 64 });
        try {
          for (const packet of packets) parser.push(packet);
        } catch (error) {
          expect((error as Error).name).toBe("VisaImageError");
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    [
      "another protocol",
      "SSH-2.0-OpenSSH_9.2\r\n",
      /not the Guacamole protocol: expected a length.*"SSH-2\.0-OpenSSH_9\.2/,
    ],
    ["a length that is wrong", "3.sync,1.0;", /expected "," or ";" after an element of 3 characters, got "c,1\.0;"/],
    ["bytes that are not UTF-8", Buffer.from([0x31, 0x2e, 0xff, 0x3b]), /not UTF-8/],
    ["a length that does not end", "1".repeat(9), /expected a length/],
    ["an element without a length", ".sync;", /expected a length/],
    ["a negative length", "-1.x;", /expected a length/],
  ])("fails on %s", (_, bytes, message) => {
    expect(() => parse(bytes)).toThrow(message);
  });

  test("fails on an element that is longer than the limit before it comes", () => {
    expect(() => parse("4.blob,1.0,9999999.AAAA")).toThrow("too long: an element of 9999999 characters");
  });

  test("fails on an instruction with more elements than the limit", () => {
    expect(() => parse("1.a,".repeat(1025))).toThrow("more than 1024 elements");
  });

  test("fails on an instruction that is longer than the limit in all", () => {
    const parser = new InstructionParser({ instructionLength: 10 });
    expect(() => parser.push(Buffer.from("6.aaaaaa,6.aaaaaa;"))).toThrow("too long");
  });

  test("fails for good after the first fault", () => {
    const parser = new InstructionParser();
    expect(() => parser.push(Buffer.from("x"))).toThrow("not the Guacamole protocol");
    expect(() => parser.push(Buffer.from("3.nop;"))).toThrow("not the Guacamole protocol");
  });
});
