import type { Construct } from "constructs";
import { TerraformElement, type TerraformResource, TerraformStack } from "#cdktf";
import { VisaImageError } from "../errors";
import { claim, isClaimed } from "./claims";

/**
 * The stack's `import`, `removed` and `moved` blocks. cdktf has constructs for none that do here: its imports run Terraform
 * at synth, and its moves take the old address into the configuration.
 */
export class StateBlocks extends TerraformElement {
  private readonly imports: { readonly to: TerraformResource; readonly id: string }[] = [];
  private readonly removals: string[] = [];
  private readonly formerRemovals: string[] = [];
  private readonly moves = new Map<string, string>();

  /** Those of a construct's stack. */
  static of(scope: Construct): StateBlocks {
    const stack = TerraformStack.of(scope);
    const id = "visa-images-state";
    const present = stack.node.tryFindChild(id);
    return present instanceof StateBlocks ? present : new StateBlocks(stack, id);
  }

  /** A resource that exists, by its id: taken into the state where that does not have it. */
  import(to: TerraformResource, id: string): void {
    this.imports.push({ to, id });
  }

  /**
   * A resource that exists, and is not this stack's any more: it stays as it is.
   *
   * @param former addresses that the state may have it at, too
   */
  remove(owner: Construct, address: string, former: readonly string[] = []): void {
    claim(owner, address);
    this.removals.push(address);
    this.formerRemovals.push(...former);
  }

  /** A resource that the state may have at another address. One that the stack has there still is left alone. */
  move(type: string, from: string, to: string): void {
    this.moves.set(`${type}.${from}`, `${type}.${to}`);
  }

  override toHclTerraform(): Record<string, unknown> {
    if (this.imports.length + this.removals.length + this.moves.size === 0) return {};
    throw new VisaImageError("past releases cannot be synthesized as HCL", {
      fix: "synthesize JSON: leave out --hcl and hclOutput",
    });
  }

  override toTerraform(): Record<string, unknown> {
    const imports = this.imports.map(({ to, id }) => ({
      to: `${to.terraformResourceType}.${to.friendlyUniqueId}`,
      id,
      provider: to.provider?.fqn,
    }));
    const former = this.formerRemovals.filter((from) => !isClaimed(this, from));
    const removals = [...this.removals, ...former].map((from) => ({ from, lifecycle: { destroy: false } }));
    const moves = [...this.moves].filter(([from]) => !isClaimed(this, from)).map(([from, to]) => ({ from, to }));
    return {
      ...(imports.length > 0 && { import: imports }),
      // An older Terraform says then that it is too old, and not that it knows no "removed".
      ...(removals.length > 0 && { removed: removals, terraform: { required_version: ">= 1.7" } }),
      ...(moves.length > 0 && { moved: moves }),
    };
  }
}
