import type { Construct } from "constructs";
import { App } from "#cdktf";
import { VisaImageError } from "../errors";

/** Where an app says of what version it is. */
const VERSION = "cdktfVersion";

/**
 * Elements of one version of the framework cannot be in an app of another: cdktn calls what cdktf's do not have.
 *
 * @throws VisaImageError where the app is not of the framework that `#cdktf` is
 */
export function assertSameFramework(scope: Construct): void {
  const theirs = minorOf(scope);
  const ours = minorOf(new App());
  // In unit tests an app may be of no version.
  if (theirs === undefined || ours === undefined || theirs.minor === ours.minor) return;
  throw new VisaImageError(
    `this app is one of ${theirs.name}, and the constructs found ${ours.name}, which is installed beside it`,
    {
      fix: `npm uninstall cdktf cdktn && npm install ${theirs.name}; where another package needs the other name too: npm install cdktf@npm:cdktn`,
    },
  );
}

/** What `#cdktf` is called, and its version: cdktn began with 0.22. */
function minorOf(scope: Construct): { readonly name: string; readonly minor: string } | undefined {
  const version: unknown = scope.node.tryGetContext(VERSION);
  const minor = typeof version === "string" ? /^\d+\.(\d+)\./.exec(version)?.[1] : undefined;
  if (minor === undefined) return undefined;
  return { name: `${Number(minor) < 22 ? "cdktf" : "cdktn"}@${version}`, minor };
}
