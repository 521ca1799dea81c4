/** What a real guacd does is shown by the contract, in test/e2e; here are the faults that it can't be made to show. */

import { connectDesktop, type Desktop } from "../../../lib/verify/guacamole/client";
import { GuacamoleError } from "../../../lib/verify/guacamole/guacamole-error";
import { encodeInstruction, type Instruction, InstructionParser } from "../../../lib/verify/guacamole/protocol";
import { listen, stopListening } from "../../support/loopback-peer";

const desktops: Desktop[] = [];
afterEach(() => {
  for (const desktop of desktops.splice(0)) desktop.close();
});

const ARGS = ["hostname", "port", "username", "password", "ignore-cert", "color-depth", "server-layout"];

/** A peer that speaks the protocol as told; `received` is what came from the client. */
async function peer(answer: (instruction: Instruction) => string | undefined) {
  const received: Instruction[] = [];
  const port = await listen((socket) => {
    const parser = new InstructionParser();
    socket.on("data", (data) => {
      for (const instruction of parser.push(data)) {
        received.push(instruction);
        const text = answer(instruction);
        if (text !== undefined) socket.write(text);
      }
    });
  });
  return { port, received };
}

const PICTURE = ["size,0,4,4", "rect,0,0,0,4,4", "cfill,14,0,255,0,0,255", "sync,17"]
  .map((line) => line.split(","))
  .map(([opcode = "", ...args]) => encodeInstruction(opcode, ...args))
  .join("");

function usual(args: readonly string[], more = PICTURE): (instruction: Instruction) => string | undefined {
  return ({ opcode }) => {
    if (opcode === "select") return encodeInstruction("args", ...args);
    if (opcode === "connect") return encodeInstruction("ready", "$id") + more;
    return undefined;
  };
}

/** Waits for what the peer is to receive, 5 seconds at most. */
async function until(done: () => boolean): Promise<void> {
  for (const end = performance.now() + 5000; !done() && performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function open(port: number, timeoutSeconds = 5): Promise<Desktop> {
  const size = { width: 800, height: 600, timeoutSeconds };
  const desktop = await connectDesktop({
    host: "127.0.0.1",
    port,
    rdpHost: "10.0.2.15",
    user: "joe",
    password: "t",
    ...size,
  });
  desktops.push(desktop);
  return desktop;
}

describe("connectDesktop", () => {
  test("sends what VISA sends, each value in the place that guacd gave it", async () => {
    const { port, received } = await peer(usual(["VERSION_1_5_0", "dpi", ...ARGS]));
    await open(port);
    expect(received.map(({ opcode, args }) => [opcode, ...args])).toEqual(
      expect.arrayContaining([
        ["select", "rdp"],
        ["size", "800", "600", "96"],
        ["audio"],
        ["video"],
        ["image", "image/png"],
        ["timezone", "Etc/UTC"],
        ["connect", "VERSION_1_5_0", "", "10.0.2.15", "3389", "joe", "t", "true", "16", "en-gb-qwerty"],
      ]),
    );
  });

  test.each([
    ["the peer's, where it is older", "VERSION_1_1_0", "VERSION_1_1_0"],
    ["its own newest, where the peer's is newer", "VERSION_1_99_0", "VERSION_1_5_0"],
    ["the one below, where it does not know the peer's", "VERSION_1_2_0", "VERSION_1_1_0"],
  ])("agrees on a version of the protocol: %s", async (_, offered, agreed) => {
    const { port, received } = await peer(usual([offered, ...ARGS]));
    await open(port);
    expect(received.find(({ opcode }) => opcode === "connect")?.args[0]).toBe(agreed);
  });

  test("sends no timezone to a guacd from before versions", async () => {
    const { port, received } = await peer(usual(ARGS));
    await open(port);
    const opcodes = received.map(({ opcode }) => opcode);
    expect(opcodes.slice(0, 6)).toEqual(["select", "size", "audio", "video", "image", "connect"]);
  });

  test("answers every sync with its own timestamp", async () => {
    const { port, received } = await peer(usual(ARGS, `${PICTURE}4.sync,4.4711;`));
    await open(port);
    await until(() => received.at(-1)?.args[0] === "4711");
    expect(received.filter(({ opcode }) => opcode === "sync").map(({ args }) => args)).toEqual([["17"], ["4711"]]);
  });

  test("says `nop` every 5 s, also before the first picture, and no more once it is closed", async () => {
    const interval = jest.spyOn(global, "setInterval");
    const { port, received } = await peer(usual(ARGS, ""));
    const opened = open(port, 1);
    await until(() => interval.mock.calls.length > 0);
    const [say, ms] = interval.mock.calls[0] as [() => void, number];
    expect(ms).toBe(5000);
    say();
    await until(() => received.at(-1)?.opcode === "nop");
    expect(received.at(-1)?.opcode).toBe("nop");
    await expect(opened).rejects.toThrow("no picture");
    const timer = interval.mock.results[0]?.value as NodeJS.Timeout & { readonly _destroyed: boolean };
    expect(timer._destroyed).toBe(true);
    interval.mockRestore();
  });

  test("refuses a stream that it has no use for, so that guacd does not go on with it", async () => {
    const { port, received } = await peer(usual(ARGS, `${encodeInstruction("clipboard", 3, "text/plain")}${PICTURE}`));
    await open(port);
    await until(() => received.some(({ opcode }) => opcode === "ack"));
    expect(received.find(({ opcode }) => opcode === "ack")?.args).toEqual(["3", "not wanted", "256"]);
  });

  test("assumes the size that it asked for where guacd forgets to tell", async () => {
    const drawing = encodeInstruction("rect", 0, 0, 0, 800, 600) + encodeInstruction("cfill", 14, 0, 1, 2, 3, 255);
    const desktop = await open((await peer(usual(ARGS, `${drawing}4.sync,1.1;`))).port);
    expect([desktop.size, desktop.announcedSize]).toEqual([{ width: 800, height: 600 }, false]);
    const told = await open((await peer(usual(ARGS))).port);
    expect([told.size, told.announcedSize]).toEqual([{ width: 4, height: 4 }, true]);
  });

  test("fails with guacd's words and code", async () => {
    const { port } = await peer(usual(ARGS, encodeInstruction("error", "Aborted. See logs.", 769)));
    const failure = await open(port).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(GuacamoleError);
    expect(failure).toMatchObject({ code: 769 });
    expect((failure as Error).message).toContain('says "Aborted. See logs." (769: wrong user or password)');
  });

  test("fails where guacd's RDP plugin lacks a parameter that VISA sends", async () => {
    const { port } = await peer(usual(ARGS.filter((name) => name !== "server-layout")));
    await expect(open(port)).rejects.toThrow('takes no parameter "server-layout" for RDP');
  });

  test("fails where the connection is closed without a word", async () => {
    const port = await listen((socket) => socket.end());
    await expect(open(port)).rejects.toThrow("without a word; has it the RDP plugin?");
  });

  test("fails where something else listens", async () => {
    const port = await listen((socket) => void socket.write("SSH-2.0-OpenSSH_9.2p1\r\n"));
    await expect(open(port)).rejects.toThrow("this is not the Guacamole protocol");
  });

  test("fails where nothing listens", async () => {
    const port = await listen(() => {});
    await stopListening();
    await expect(open(port)).rejects.toThrow("cannot be reached: ECONNREFUSED");
  });

  test("fails when time is up, and says how far it came", async () => {
    const silent = await listen(() => {});
    await expect(open(silent, 0.2)).rejects.toThrow("within 0.2 s; it said nothing");
    const { port } = await peer(usual(ARGS, ""));
    await expect(open(port, 0.5)).rejects.toThrow("no picture from guacd");
  });

  test("fails to wait for stillness while the screen moves, or shows one colour only", async () => {
    const { port } = await peer(usual(ARGS));
    const desktop = await open(port);
    await expect(desktop.waitForStillness({ quietSeconds: 0.2, timeoutSeconds: 0.6 })).rejects.toThrow("1 colours; 2");
    await desktop.waitForStillness({ quietSeconds: 0.2, minColours: 1, timeoutSeconds: 5 });
  });
});
