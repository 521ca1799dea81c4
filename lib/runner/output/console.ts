/** A guest's serial console, as QEMU writes it to a file. */
import { open } from "node:fs/promises";
import { LineSplitter } from "./lines";
import type { Masker } from "./masking";

/** How often the console is looked at. */
const CONSOLE_INTERVAL_MS = 500;

/** Text of a console without what moves the cursor and colours it. */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: consoles are full of escape sequences
  return text.replace(/\u001b(?:\[[0-9;?]*[A-Za-z]|[()][A-Za-z0-9]|[=>78])|[\u0000-\u0008\u000e-\u001f]|\r/g, "");
}

/**
 * Calls `onLine` for what a guest prints on its serial console, masked, while that is written to a file.
 * @returns a function that ends it, once all that is there was handed over
 */
export function followConsole(file: string, masker: Masker, onLine: (line: string) => void): () => Promise<void> {
  const splitter = new LineSplitter(masker, (line) => {
    const text = plainText(line).trimEnd();
    if (text) onLine(text);
  });
  let position = 0;
  const read = async (): Promise<void> => {
    const handle = await open(file).catch(() => undefined);
    if (!handle) return;
    try {
      const buffer = Buffer.alloc(64 * 1024);
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) return;
        position += bytesRead;
        splitter.write(buffer.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  };
  // One reading at a time.
  let reading = Promise.resolve();
  const timer = setInterval(() => {
    reading = reading.then(read, read);
  }, CONSOLE_INTERVAL_MS);
  return async () => {
    clearInterval(timer);
    await reading;
    await read();
    splitter.end();
  };
}
