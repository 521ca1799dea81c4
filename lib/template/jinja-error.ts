/** What a template asks for and cannot have: it names no file yet. */
export class JinjaError extends Error {
  override readonly name = "JinjaError";

  constructor(
    message: string,
    /** What to write instead. */
    readonly fix: string,
    /** The line of the template, from 1, where it is known. */
    readonly line?: number,
  ) {
    super(message);
  }
}
