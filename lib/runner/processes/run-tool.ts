/**
 * Runs a tool; where it fails, rejects with its exit code and last lines in the message. Whoever makes one says where it
 * runs, and where its lines go. `env` is added to what tools see of the runner's environment, which has the proxies only
 * for those that reach the `network`.
 */
export type RunTool = (
  command: string,
  args: readonly string[],
  options?: {
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    /** @default false */
    readonly network?: boolean;
    /** Called for each line of its standard output too. */
    readonly onOutput?: (line: string) => void;
  },
) => Promise<void>;
