import { join, relative, resolve } from "node:path";
import { App, LocalBackend, PgBackend, type TerraformStack } from "cdktf";
import { VisaImageError } from "../lib/errors";

/** What keeps a stack's state: a file, or a PostgreSQL database, which several administrators share. */
export type StateBackend = "local" | "pg";

/** Where a stack's state is kept. */
export interface StateProps {
  /**
   * `pg` keeps it in a database, which locks it too, in a schema of the stack's name. Which database, and as whom, the
   * environment says: PGHOST, PGPORT, PGDATABASE, PGUSER, PGPASSWORD, PGSSLMODE.
   * @default "local"
   */
  readonly stateBackend?: StateBackend;
  /**
   * Folder of the state's file, where it is one.
   * @default - the current one
   */
  readonly stateFolder?: string;
}

/**
 * Keeps a stack's state where its properties say.
 *
 * @throws VisaImageError where a folder is given for a state that is in a database
 */
export function keepState(stack: TerraformStack, { stateBackend = "local", stateFolder }: StateProps): void {
  if (stateBackend === "local") {
    useLocalState(stack, stateFolder);
    return;
  }
  if (stateFolder !== undefined) {
    throw new VisaImageError(`the state is to be in the folder "${stateFolder}" and in a database`, {
      fix: "leave out stateFolder (VISA_STATE_FOLDER), or stateBackend (VISA_STATE_BACKEND)",
    });
  }
  // Without an address Terraform takes libpq's variables. One with a password would be in the stack's JSON.
  new PgBackend(stack, { connStr: "", schemaName: stack.node.id });
}

/**
 * Keeps a stack's state in a file of the current folder, by a relative path: cdktf's own default is an absolute one,
 * which would differ from checkout to checkout. Terraform runs in the stack's output folder.
 */
export function useLocalState(stack: TerraformStack, folder = process.cwd()): void {
  const output = resolve(App.of(stack).outdir, "stacks", stack.node.id);
  new LocalBackend(stack, { path: relative(output, join(folder, `terraform.${stack.node.id}.tfstate`)) });
}
