/** What was found about one thing. */
export interface Finding {
  readonly name: string;
  /** `missing`: without it nothing is built, or nothing deployed. `warning`: it works, but slowly or only in part. */
  readonly status: "ok" | "warning" | "missing";
  readonly found: string;
  /** Where the status is not `ok`. */
  readonly fix?: string;
}
