/** How the steps of ours that Terraform runs sign in where its provider does. */

import type { Construct } from "constructs";
import { Lazy, type TerraformProvider } from "#cdktf";
import { cloudEnvironment, providerOf } from "./cloud-environment";
import { isToken } from "./text";

/**
 * The entry of clouds.yaml and the region that the provider names in code, as the lock remembers them: options of a
 * command by their names.
 */
export function whereOf(scope: Construct, given?: TerraformProvider): [string, string][] {
  const { cloud, region } = (providerOf(scope, given) ?? {}) as { readonly cloud?: string; readonly region?: string };
  const where = Object.entries({ cloud, region });
  // What only Terraform knows is no name that a lock could keep from deploy to deploy.
  return where.filter((entry): entry is [string, string] => !!entry[1] && !isToken(entry[1]));
}

/** Options of {@link signInEnvironment}. */
export interface SignInOptions {
  /** Variables that the command needs besides. @default - none */
  readonly more?: Readonly<Record<string, string>>;
  /** Only what synth knows. @default false */
  readonly literal?: boolean;
}

/**
 * The variables that have a command sign in where the provider does ({@link cloudEnvironment}). Read at synth, since a
 * stack may get its provider last.
 *
 * @throws VisaImageError here or at synth, where the provider has credentials in code
 */
export function signInEnvironment(
  scope: Construct,
  given?: TerraformProvider,
  { more, literal = false }: SignInOptions = {},
): Record<string, string> {
  const read = () => {
    const own = Object.entries(cloudEnvironment(scope, given) ?? {});
    const environment = { ...Object.fromEntries(own.filter(([, value]) => !literal || !isToken(value))), ...more };
    return Object.keys(environment).length > 0 ? environment : undefined;
  };
  // What is wrong already is told where it is written.
  read();
  return Lazy.anyValue({ produce: read }) as unknown as Record<string, string>;
}
