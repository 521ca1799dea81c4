/** The gate behind the upload: a cloud's own instance of a new release, before anybody is shown it. */
import type { ImagesImageV2 } from "@cdktf/provider-openstack/lib/images-image-v2";
import type { Construct } from "constructs";
import { VERIFIER_VERSION } from "../contract";
import { VisaImageError } from "../errors";
import { HoldableCommand, visaImageCommand } from "./layer-build";
import { claimOf, type ReleaseFamily } from "./release-family";
import { signInEnvironment } from "./sign-in";
import { TerraformData } from "./terraform-data";
import { escapeTemplate, isToken, refuseToken } from "./text";

/** Where an instance of each new release is booted by Nova, and looked at as VISA's users would find it. */
export interface AcceptanceProps {
  /** Name or id of its flavour. */
  readonly flavor: string;
  /** Name or id of its network. */
  readonly network: string;
  /**
   * Names or ids of the security groups that VISA gives its instances: then what they let in is looked at too, from the
   * machine that deploys.
   * @default - one that is made for the instance, and opens what the template promises
   */
  readonly securityGroups?: readonly string[];
  /**
   * Where it has its metadata from: "both" boots one instance after the other.
   * @default "metadata-service" as VISA's instances
   */
  readonly source?: "metadata-service" | "config-drive" | "both";
  /**
   * Name or id of an external network. The instance gets an address of it where the machine that deploys is in none of
   * the network's own.
   * @default - the network is reached directly
   */
  readonly floatingIpPool?: string;
  /**
   * Who may reach what is made for the instance: a range of addresses ("192.0.2.0/24"), the deploying machine's among them.
   * @default - everybody; root gets in by a key alone, which is made for this instance
   */
  readonly from?: string;
}

/** What the acceptance of an image needs to know of it. */
export interface AcceptanceOptions {
  readonly props: AcceptanceProps;
  /** The specification that says what the template promises, relative to the stack's output folder. */
  readonly specificationFile: string;
  /** The user data that the image's instances get, and the file that has it. */
  readonly bootCommand: { readonly digest: string; readonly file: string };
  /** What the verdict depends on besides: the contract, the templates' own checks. */
  readonly triggers: Readonly<Record<string, string>>;
}

/**
 * A `terraform_data.<id>_accepted`: stands between the image and its registration, which shows it. Where it fails the image
 * stays hidden, and the one that is in use stays in use.
 *
 * @param held the image is rolled back: the verdict in the state stays
 */
export function acceptance(
  scope: Construct,
  family: ReleaseFamily,
  image: ImagesImageV2,
  { props, specificationFile, bootCommand, triggers }: AcceptanceOptions,
  held = false,
): TerraformData {
  const { flavor, network, securityGroups = [], source = "metadata-service", floatingIpPool, from } = props;
  const values: Record<string, string> = {
    ...{ image: image.id, flavor, network, source, verifier: VERIFIER_VERSION },
    ...(securityGroups.length > 0 && { "security groups": securityGroups.join(" ") }),
    ...(floatingIpPool !== undefined && { "floating ip pool": floatingIpPool }),
    ...(from !== undefined && { from }),
    ...{ ...triggers, "boot command": bootCommand.digest },
  };
  const escaped = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      escapeTemplate(name),
      isToken(value) ? value : escapeTemplate(value),
    ]),
  );
  const resource = new TerraformData(scope, "Accepted", { triggersReplace: escaped });
  claimOf(resource, family, "_accepted");
  const command = visaImageCommand(scope, [
    ...["verify", "--on-cloud", image.id, "--profile", "gate", "--specification", specificationFile],
    ...["--boot-command", bootCommand.file, "--flavor", flavor, "--network", network, "--source", source],
    ...securityGroups.flatMap((name) => ["--security-group", name]),
    ...(floatingIpPool !== undefined ? ["--floating-ip-pool", floatingIpPool] : []),
    ...(from !== undefined ? ["--from", from] : []),
  ]);
  const runner = new HoldableCommand(resource, escaped, command, held);
  runner.environment = signInEnvironment(scope, family.provider);
  if (!held) runner.release();
  return resource;
}

/** @throws VisaImageError for what is empty, or a list that only Terraform knows */
export function checkAcceptance(props: AcceptanceProps | undefined): void {
  if (!props) return;
  refuseToken("acceptance.source", props.source);
  refuseToken("acceptance.securityGroups", props.securityGroups);
  for (const name of ["flavor", "network"] as const) {
    if (props[name]) continue;
    throw new VisaImageError(`"acceptance.${name}" is empty: an instance is made with it`, {
      fix: 'acceptance: { flavor: "m1.medium", network: "visa" }',
    });
  }
}
