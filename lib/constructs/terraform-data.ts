import type { Construct } from "constructs";
import { type TerraformMetaArguments, TerraformResource } from "#cdktf";

/** Arguments of a {@link TerraformData}. */
export interface TerraformDataConfig extends TerraformMetaArguments {
  /**
   * Values whose change replaces the resource, and so runs its provisioners again. A plan shows each entry by its name.
   * @default - none: the resource is created once
   */
  readonly triggersReplace?: Readonly<Record<string, string>>;
  /**
   * Values kept in the state, updated in place; a destroy-time provisioner reads them as `self.input`.
   * @default - none
   */
  readonly input?: Readonly<Record<string, string>>;
}

/**
 * `terraform_data`, which needs no provider.
 *
 * cdktf has a `DataResource` of its own, which runs `terraform version` at synth and fails where that is not on PATH.
 */
export class TerraformData extends TerraformResource {
  /** The resource's type, as Terraform calls it. */
  static readonly tfResourceType = "terraform_data";

  private readonly config: TerraformDataConfig;

  /** The maps of the configuration are read at synth: whoever holds them may add entries until then. */
  constructor(scope: Construct, id: string, config: TerraformDataConfig = {}) {
    super(scope, id, { ...config, terraformResourceType: TerraformData.tfResourceType });
    this.config = config;
  }

  /** Unknown until the resource exists: whatever refers to it waits for its provisioners. */
  get id(): string {
    return this.getStringAttribute("id");
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return { triggers_replace: this.config.triggersReplace, input: this.config.input };
  }

  protected override synthesizeHclAttributes(): Record<string, unknown> {
    const map = (value: Readonly<Record<string, string>> | undefined) =>
      value && { value, isBlock: false, type: "map", storageClassType: "stringMap" };
    const attributes = { triggers_replace: map(this.config.triggersReplace), input: map(this.config.input) };
    return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
  }
}
