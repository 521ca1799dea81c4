/**
 * Prints what is left to say, and ends the process once that is written; where it cannot be written, the listener of
 * main.ts ends it with an error. `process.exit()` alone would drop that error.
 */
export function writeAndExit(text: string, code: number): void {
  process.stdout.write(text, (error) => {
    if (!error) process.exit(code);
  });
}
