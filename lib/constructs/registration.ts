/** The steps of ours around an image in Glance: its registration, which release is in use, and what a destroy says. */
import type { ImagesImageV2 } from "@cdktf/provider-openstack/lib/images-image-v2";
import type { Construct } from "constructs";
import type { ITerraformDependable } from "#cdktf";
import { ExitCode } from "../errors";
import { visaImageCommand } from "./layer-build";
import { claimOf, type IRelease, type ReleaseFamily } from "./release-family";
import { signInEnvironment, whereOf } from "./sign-in";
import { fromOutputFolder } from "./staged-file";
import { TerraformData } from "./terraform-data";
import { escapeTemplate } from "./text";
import type { Download } from "./web-download";

/** What is registered. */
export interface Registered {
  readonly release: string;
  readonly fingerprint: string;
  readonly template: string;
  readonly image: ImagesImageV2;
  /** Whether the registration is what shows it. */
  readonly visible: boolean;
  /** The specification that the gate verifies, relative to the stack's output folder. @default - there is no gate */
  readonly gate?: string;
  /** What has to be done before it is shown. @default - nothing */
  readonly accepted?: TerraformData;
  /** How Glance came by it. @default - the provider uploaded it */
  readonly download?: Download;
}

/** A `terraform_data.<id>_<release>_registered`: protects an image, shows it, and writes it into the lock. */
export function registration(
  scope: Construct,
  family: ReleaseFamily,
  { release, fingerprint, template, image, visible, gate, accepted, download }: Registered,
): TerraformData {
  const before = [accepted, download?.fetched].filter((each) => each !== undefined);
  const resource = new TerraformData(scope, "Registered", {
    triggersReplace: { image: image.id, protected: String(family.protected) },
    dependsOn: before.length > 0 ? before : undefined,
    provisioners: [
      {
        type: "local-exec",
        command: visaImageCommand(scope, [
          ...["lock", "add", "--file", fromOutputFolder(scope, family.lockFile), "--image", family.lockKey],
          ...["--release", release, "--fingerprint", fingerprint, "--template", template, "--image-id", image.id],
          ...(family.protected ? ["--protected"] : []),
          ...(visible ? ["--visible"] : []),
          ...(gate ? ["--gate", gate] : []),
          ...(download?.registration ?? []),
        ]),
        environment: signInEnvironment(scope, family.provider),
      },
    ],
  });
  claimOf(resource, family, `_${release}_registered`);
  return resource;
}

/**
 * A `terraform_data.<id>_in_use` that names the release in use, so that a plan shows a rollback, and tells the lock.
 *
 * Before it changes, the lock must know every release that the state has: Terraform would delete the others. It depends on
 * all that are kept, so that none of them is touched before.
 */
export function releaseInUse(
  scope: Construct,
  family: ReleaseFamily,
  release: string,
  current: IRelease,
  past: { readonly retain: number; readonly kept: ReadonlyMap<string, IRelease> },
): TerraformData {
  const retain = String(past.retain);
  const target = ["--file", fromOutputFolder(scope, family.lockFile), "--image", family.lockKey];
  const resource = new TerraformData(scope, "InUse", {
    triggersReplace: { release, "past releases": [...past.kept.keys()].join(" "), retain },
    dependsOn: [current, ...past.kept.values()].map(({ registered }) => registered),
    provisioners: [
      {
        type: "local-exec",
        command: visaImageCommand(scope, [
          ...["lock", "use", ...target, "--release", release, "--retain", retain],
          ...whereOf(scope, family.provider).flatMap(([option, value]) => [`--${option}`, value]),
        ]),
        environment: signInEnvironment(scope, family.provider),
      },
      {
        type: "local-exec",
        when: "destroy",
        // Only what it was made for stands in the way: not a lock, a cloud or a package that is gone.
        command: `${visaImageCommand(scope, ["lock", "check", ...target]).replace(/^exec /, "")}; test $? -ne ${ExitCode.CHANGED}`,
        // Terraform takes no variable of the stack here.
        environment: signInEnvironment(scope, family.provider, {
          literal: true,
          more: {
            VISA_STATE_RELEASES: '${self.triggers_replace["release"]} ${self.triggers_replace["past releases"]}',
          },
        }),
      },
    ],
  });
  claimOf(resource, family, "_in_use");
  return resource;
}

/**
 * A `terraform_data` that, when Terraform destroys everything, says what Glance keeps and how to remove it.
 *
 * Only a hint: destroy-time provisioners do not run for a resource that is tainted or no longer configured.
 */
export function protectionNotice(scope: Construct, family: ReleaseFamily, after: ITerraformDependable): TerraformData {
  const notice =
    `The images of "${family.lockKey}" are protected in Glance, so they stay there: Terraform reports each with "403 ` +
    `Forbidden". To remove them too, deploy with "protected: false" (VISA_PROTECTED=false for the stacks of ` +
    `cdktf-visa-images), then destroy again. The cache of built layers stays in either case.`;
  const resource = new TerraformData(scope, "ProtectionNotice", {
    input: { notice: escapeTemplate(notice) },
    dependsOn: [after],
    provisioners: [
      {
        type: "local-exec",
        when: "destroy",
        command: `printf '%s\\n' "$VISA_IMAGE_NOTICE"`,
        environment: { VISA_IMAGE_NOTICE: "${self.input.notice}" },
      },
    ],
  });
  claimOf(resource, family, "_protection");
  return resource;
}
