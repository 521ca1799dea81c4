/**
 * Names that are given by hand, each to one construct: cdktf merges two elements of one address without a word, and one
 * staged file replaces another.
 */

import type { Construct } from "constructs";
import { TerraformDataSource, TerraformElement, TerraformOutput, TerraformResource, TerraformStack } from "#cdktf";
import { VisaImageError } from "../errors";
import { sha256 } from "../fingerprint/digest";
import { assertSameFramework } from "./same-framework";
import { addressPart } from "./text";

/** What is claimed in a stack, or of stacks in their app, and by whom. */
const CLAIMS = new WeakMap<Construct, Map<string, Construct>>();

function claimsIn(scope: Construct): Map<string, Construct> {
  const present = CLAIMS.get(scope);
  if (present) return present;
  const claims = new Map<string, Construct>();
  CLAIMS.set(scope, claims);
  if (TerraformStack.isStack(scope)) {
    assertSameFramework(scope);
    scope.node.addValidation({ validate: () => takenByOthers(scope, claims) });
  }
  return claims;
}

/** Whether a construct of the stack has the name already. */
export function isClaimed(scope: Construct, what: string): boolean {
  return claimsIn(TerraformStack.of(scope)).has(what);
}

/**
 * Claims a name for a construct in its stack.
 *
 * @param what the name, as a person is to read it
 * @throws VisaImageError where another construct has it
 */
export function claim(owner: Construct, what: string): void {
  const stack = TerraformStack.of(owner);
  // A second stack of this id, in another scope, is written to the same folder.
  claimIn(stack.node.root as Construct, stack, `the folder stacks/${stack.node.id}`);
  claimIn(stack, owner, what);
}

function claimIn(scope: Construct, owner: Construct, what: string): void {
  const claims = claimsIn(scope);
  const other = claims.get(what) ?? owner;
  if (other !== owner) throw sameName(what, other, owner);
  claims.set(what, owner);
}

/**
 * Gives an element an address of its own choice.
 *
 * @throws VisaImageError where another construct of the stack has it
 */
export function claimAddress(element: TerraformElement, logicalId: string): void {
  claim(element, addressOf(element, logicalId));
  element.overrideLogicalId(logicalId);
}

/** Claims the address that cdktf gave to an element. @throws VisaImageError where another construct of the stack has it */
export function claimOwnAddress(element: TerraformElement): void {
  claim(element, addressOf(element, element.friendlyUniqueId));
}

/**
 * Gives an element the address `name`, as long as no other one asks for it by this function. Where several do, each has
 * one of its own, `<name>_<8 digits of its path in the stack>`: none ever gets an entry of the state that was another's, in whatever
 * order they come and go.
 *
 * @returns the address; it may change until synth
 */
export function claimShareable(element: TerraformElement, name: string): () => string {
  const stack = TerraformStack.of(element);
  const claims = claimsIn(stack);
  const key = addressOf(element, name);
  const sharing = SHARING.get(stack) ?? new Map<string, TerraformElement[]>();
  SHARING.set(stack, sharing);
  const all = [...(sharing.get(key) ?? []), element];
  sharing.set(key, all);
  if (all.length === 1) {
    claimAddress(element, name);
  } else {
    claims.delete(key);
    // The name is nobody's from now on, and is not to be had.
    for (const each of all.length === 2 ? all : [element]) {
      claimAddress(each, `${name}_${sha256(each.node.path.slice(stack.node.path.length + 1)).slice(0, 8)}`);
    }
  }
  return () => element.friendlyUniqueId;
}

const SHARING = new WeakMap<TerraformStack, Map<string, TerraformElement[]>>();

/** The construct's path in its stack as a part of addresses. */
export function pathAddress(construct: Construct): string {
  const { scopes } = construct.node;
  const path = scopes.slice(scopes.indexOf(TerraformStack.of(construct)) + 1).map((each) => each.node.id);
  return addressPart(path.join("_"));
}

/** Elements that somebody else made at an address that is claimed. */
function takenByOthers(stack: TerraformStack, claims: ReadonlyMap<string, Construct>): string[] {
  return stack.node
    .findAll()
    .filter(TerraformElement.isTerraformElement)
    .filter((element) => TerraformStack.of(element) === stack)
    .flatMap((element) => {
      const address = addressOf(element, element.friendlyUniqueId);
      const owner = claims.get(address);
      return owner && owner !== element ? [sameName(address, owner, element).message] : [];
    });
}

function addressOf(element: TerraformElement, logicalId: string): string {
  if (TerraformResource.isTerraformResource(element)) return `${element.terraformResourceType}.${logicalId}`;
  if (TerraformDataSource.isTerraformDataSource(element)) return `data.${element.terraformResourceType}.${logicalId}`;
  return `${TerraformOutput.isTerraformOutput(element) ? "output" : element.constructor.name}.${logicalId}`;
}

function sameName(what: string, first: Construct, second: Construct): VisaImageError {
  return new VisaImageError(`"${first.node.path}" and "${second.node.path}" both end at ${what}`, {
    fix: 'give one of them another id: what is no letter, digit or "-" is a "_" there, and so is the "/" of a path',
  });
}
