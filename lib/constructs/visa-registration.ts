/** VISA's own entry of an image: what an administrator would fill in on VISA's page. */
import { ImagesImageV2 } from "@cdktf/provider-openstack/lib/images-image-v2";
import { Construct } from "constructs";
import { dependable, type Precondition, TerraformStack } from "#cdktf";
import { VisaImageError } from "../errors";
import { withMark } from "../visa/entry";
import { checkLimits } from "../visa/limits";
import { WANTED_VERSION, type Wanted } from "../visa/wanted";
import type { VisaProtocol } from "../visa-protocols";
import { claim, claimAddress, pathAddress } from "./claims";
import type { IVisaImage } from "./existing-image";
import { visaImageCommand } from "./layer-build";
import type { IRelease } from "./release-family";
import { signInEnvironment } from "./sign-in";
import { fromOutputFolder, StagedFile } from "./staged-file";
import { TerraformData } from "./terraform-data";
import { isToken, refuseToken, unescapeTemplate } from "./text";
import { fieldsOf, plansOf, type Source, textOf, triggersOf } from "./visa-fields";
import { VisaImage } from "./visa-image";
import type { VisaRegistrationProps } from "./visa-registration-props";

/**
 * Keeps VISA's entry of an image, after the image is active and shown in Glance: made hidden, shown, given the plans of
 * the entry before, which is then hidden.
 *
 * `terraform_data.<id>_in_visa` runs `visa-image visa register`; its triggers are the fields of VISA's page, each by its
 * name. `terraform_data.<id>_seen_in_visa` runs it once more, and finds nothing to do. VISA's address and an administrator's token are read by the command, from VISA_API_URL, VISA_API_TOKEN_COMMAND
 * and their like: they are in no plan and no state.
 */
export class VisaRegistration extends Construct {
  /** What registers: its triggers are the fields of VISA's page. */
  readonly resource: TerraformData;
  /** Created once VISA was seen to have the entry: what needs it there depends on this. */
  readonly seen: TerraformData;
  /** `<stack>/<id>`: by this the entry is known, in the last line of its description. */
  readonly key: string;
  /** The protocols that VISA waits for. */
  readonly protocols: readonly VisaProtocol[];
  /** Whether it makes one of its plans VISA's preset one. */
  private readonly givesPreset: boolean;

  /** @throws VisaImageError for whatever VISA would refuse, or accept and never make ACTIVE */
  constructor(scope: Construct, id: string, props: VisaRegistrationProps) {
    super(scope, id);
    checkLiteral(props);
    const address = pathAddress(this);
    this.key = `${TerraformStack.of(this).node.id}/${address}`;
    claim(this, `VISA's entry ${this.key}`);

    const image = sourceOf(props);
    const { plans = "move", channel = "production" } = props;
    const fields = fieldsOf(props, image);
    this.protocols = fields.protocols as readonly VisaProtocol[];
    const release = image.release?.digits;
    const { family } = image.release ?? {};
    const wanted: Wanted = {
      version: WANTED_VERSION,
      key: this.key,
      ...(family && { image: family.lockKey }),
      ...(release && { release }),
      ...(!isToken(image.imageId) && { imageId: image.imageId }),
      ...(props.description === undefined && { tellChanges: true }),
      channel,
      fields,
      plans: plans === "move" ? "move" : plansOf(plans),
    };
    checkLimits({ ...fields, description: withMark(fields.description, wanted) });

    image.build?.askVisaFirst();
    const file = new StagedFile(this, "Wanted", {
      path: `visa/${address}.json`,
      content: () => `${JSON.stringify(wanted, null, 2)}\n`,
    });
    const lock = family && ["--lock-file", fromOutputFolder(this, family.lockFile)];
    const triggers = Object.entries({ ...triggersOf(wanted), image: image.imageId });
    const environment = signInEnvironment(this, props.provider ?? family?.provider);
    const register = {
      type: "local-exec",
      command: visaImageCommand(this, [
        ...["visa", "register", "--wanted", file.path, "--image-id", image.imageId],
        ...(lock ?? []),
      ]),
      environment,
    } as const;
    this.resource = new TerraformData(this, "Resource", {
      triggersReplace: Object.fromEntries(triggers.map(([name, value]) => [name, textOf(value)])),
      dependsOn: image.release && [image.release.registered],
      provisioners: [register],
      lifecycle: image.release && { precondition: [activeInGlance(image.release)] },
    });
    claimAddress(this.resource, `${address}_in_visa`);
    // Where Terraform itself is killed, it may have written into its state that the first is whole, and would never run it
    // again: it writes a resource there before its provisioners have ended. Then this one is not there yet, and finishes.
    this.seen = new TerraformData(this, "Seen", {
      triggersReplace: { registration: this.resource.id },
      provisioners: [register],
    });
    claimAddress(this.seen, `${address}_seen_in_visa`);

    this.givesPreset = channel === "production" && plans !== "move" && plans.preset !== undefined;
    this.comeAfterOthers();

    // Destroyed before the image is, and never replaced: a change of a field must not hide anything.
    const guard = new TerraformData(this, "Guard", {
      dependsOn: image.release && [image.release.registered],
      provisioners: [
        {
          type: "local-exec",
          when: "destroy",
          command: visaImageCommand(this, ["visa", "hide", this.key]),
        },
      ],
    });
    claimAddress(guard, `${address}_hidden_when_destroyed`);
  }

  /**
   * All of VISA has one preset plan, and whoever names one takes it from the plan that has it. So the registration that
   * names it is the stack's last: one beside it, which moves the plan that was preset so far, would take it back.
   *
   * @throws VisaImageError where another registration of the stack names one too
   */
  private comeAfterOthers(): void {
    const all = TerraformStack.of(this).node.findAll();
    const others = all.filter((each): each is VisaRegistration => each instanceof VisaRegistration && each !== this);
    const other = others.find(({ givesPreset }) => givesPreset);
    if (!this.givesPreset) {
      other?.waitFor(this);
      return;
    }
    if (other) {
      throw new VisaImageError(`"${other.key}" and "${this.key}" name a preset plan each; all of VISA has one`, {
        fix: "leave `preset` out in one of the two",
      });
    }
    for (const each of others) this.waitFor(each);
  }

  private waitFor({ seen }: VisaRegistration): void {
    this.resource.dependsOn = [...(this.resource.dependsOn ?? []), dependable(seen)];
  }
}

/**
 * An image that somebody deactivated is told by the plan. Only of one that is in the state: the provider finds none by its
 * id, so that of another one `visa register` says it, before VISA is told anything.
 */
function activeInGlance({ image }: IRelease): Precondition {
  const address = `${ImagesImageV2.tfResourceType}.${image.friendlyUniqueId}`;
  return {
    condition: `\${${address}.status == "active"}`,
    errorMessage: `The image \${${address}.id} is \${${address}.status} in Glance, not active: VISA would offer it all the same, and nobody could start it. openstack image set --activate <id>, or go back to another release.`,
  };
}

function sourceOf({ image, contract }: VisaRegistrationProps): Source {
  if (typeof image === "string") return { imageId: image, contract };
  const { imageId, bootCommand } = image;
  if (!("release" in image)) return { imageId, bootCommand, contract };
  const { release, imageName } = image as IVisaImage & { readonly release: IRelease; readonly imageName: string };
  const made = (image as unknown as Construct).node.scopes.findLast((each) => each instanceof VisaImage);
  const build = made instanceof VisaImage ? made.build : undefined;
  return {
    ...{ imageId, bootCommand, release },
    imageName: isToken(imageName) ? undefined : unescapeTemplate(imageName),
    contract: contract ?? build?.layer.contract,
    build,
  };
}

function checkLiteral(props: VisaRegistrationProps): void {
  const { image: _, provider: __, plans = "move", ...literal } = props;
  for (const [name, value] of Object.entries(literal)) {
    refuseToken(name, value);
    if (Array.isArray(value)) for (const each of value) refuseToken(name, each);
  }
  if (plans === "move") return;
  refuseToken("plans.flavours", plans.flavours);
  for (const each of [...plans.flavours, plans.preset]) refuseToken("plans", each);
}
