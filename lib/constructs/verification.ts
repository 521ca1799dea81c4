import { basename } from "node:path";
import { Construct } from "constructs";
import { type BootBudget, bootBudgetText } from "../boot-budget";
import { VERIFIER_VERSION } from "../contract";
import { sha256, short } from "../fingerprint/digest";
import type { Firmware } from "../specification";
import { HoldableCommand, type LayerBuild, visaImageCommand } from "./layer-build";
import { claimOf } from "./release-family";
import { fromOutputFolder } from "./staged-file";
import { TerraformData } from "./terraform-data";
import { escapeTemplate } from "./text";

/** Properties of a {@link Verification}. */
export interface VerificationProps {
  /** The last layer's build, with a flattened disk. */
  readonly build: LayerBuild;
  /** The image's part of the addresses. */
  readonly address: string;
  /** What that was before the image was renamed, the last one first. */
  readonly formerAddresses: readonly string[];
  /** The user data that the image's instances get, and the file that has it, as Terraform finds it. */
  readonly bootCommand: { readonly text: string; readonly file: string };
  /** What the image boots by. */
  readonly firmware: Firmware;
  /**
   * How much slower than the release in use it may boot. The gate looks that release up in the lock when it runs: what the
   * lock says is no trigger, or each release would ask for another look.
   * @default - as slow as it likes
   */
  readonly boot?: { readonly budget: BootBudget; readonly lockFile: string; readonly lockKey: string };
  /**
   * Nothing is to be verified, since the image is rolled back: the verdict in the state stays, whatever changed.
   * @default false
   */
  readonly held?: boolean;
}

/** The templates' own checks, each as a plan is to name it, and what it is now. */
export function checkTriggers({ specification: { layers } }: LayerBuild): Record<string, string> {
  const checks = layers.flatMap((layer) =>
    layer.checks.map((file) => [`check ${layer.name} ${basename(file.path)}`, short(file.sha256)]),
  );
  return Object.fromEntries(checks);
}

/**
 * The gate between build and image: boots an overlay of the disk as VISA would, and checks what its template promises of
 * VISA's contract. Where something does not hold nothing is uploaded, and the image that is in use stays; the disk stays
 * in the cache, so that the next deploy builds nothing.
 *
 * Its address is `terraform_data.<id>_verified`. What it depends on are its triggers: the disk, the parts of the contract,
 * the templates' own checks, the boot command, the verifier's version, the budget of the boot.
 */
export class Verification extends Construct {
  /** Created once the disk has passed. */
  readonly resource: TerraformData;
  private readonly runner: HoldableCommand;

  constructor(scope: Construct, id: string, props: VerificationProps) {
    super(scope, id);
    const { build, bootCommand, firmware, boot } = props;
    const triggers: Record<string, string> = {
      fingerprint: build.layer.fingerprint,
      "disk format": build.specification.output?.format ?? "",
      contract: build.layer.contract.join(" "),
      verifier: VERIFIER_VERSION,
      "boot command": short(sha256(bootCommand.text)),
      ...(firmware === "uefi" && { firmware }),
      ...(boot && { "boot budget": bootBudgetText(boot.budget) }),
      ...checkTriggers(build),
    };
    const escaped: Record<string, string> = Object.fromEntries(
      Object.entries(triggers).map(([name, value]) => [escapeTemplate(name), escapeTemplate(value)]),
    );
    this.resource = new TerraformData(this, "Resource", { triggersReplace: escaped, dependsOn: [build.resource] });
    claimOf(this.resource, props, "_verified");
    const command = visaImageCommand(this, [
      ...["verify", "--profile", "gate", "--specification", build.specificationFile],
      ...["--boot-command", bootCommand.file],
      ...(firmware === "uefi" ? ["--firmware", firmware] : []),
      ...(boot ? ["--boot-budget", bootBudgetText(boot.budget), "--in-use", boot.lockKey] : []),
      ...(boot ? ["--lock-file", fromOutputFolder(this, boot.lockFile)] : []),
    ]);
    this.runner = new HoldableCommand(this.resource, escaped, command, props.held);
  }

  /** A release needs the verdict after all. */
  release(): void {
    this.runner.release();
  }
}
