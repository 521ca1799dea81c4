import { join, relative, resolve } from "node:path";
import { App, LocalBackend, type TerraformStack } from "cdktf";

/**
 * Keeps a stack's state in a file of the current folder, by a relative path: cdktf's own default is an absolute one,
 * which would differ from checkout to checkout. Terraform runs in the stack's output folder.
 */
export function useLocalState(stack: TerraformStack, folder = process.cwd()): void {
  const output = resolve(App.of(stack).outdir, "stacks", stack.node.id);
  new LocalBackend(stack, { path: relative(output, join(folder, `terraform.${stack.node.id}.tfstate`)) });
}
