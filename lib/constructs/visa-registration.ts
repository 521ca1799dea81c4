/** VISA's own entry of an image: what an administrator would fill in on VISA's page. */
import { type TerraformProvider, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import type { ContractPart } from "../contract";
import { VisaImageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import type { LayerSpecification } from "../specification";
import { withMark } from "../visa/entry";
import { checkLimits } from "../visa/limits";
import {
  type AutoAcceptExtensionRequest,
  type VisaChannel,
  WANTED_VERSION,
  type Wanted,
  type WantedFields,
  type WantedPlan,
} from "../visa/wanted";
import {
  DESKTOP_PROTOCOLS,
  promisedProtocols,
  promisingPart,
  VISA_PROTOCOLS,
  type VisaProtocol,
} from "../visa-protocols";
import { claim, claimAddress, pathAddress } from "./claims";
import type { IVisaImage } from "./existing-image";
import { visaImageCommand } from "./layer-build";
import type { IRelease } from "./release-family";
import { signInEnvironment } from "./sign-in";
import { fromOutputFolder, StagedFile } from "./staged-file";
import { TerraformData } from "./terraform-data";
import { escapeTemplate, isToken, refuseToken, unescapeTemplate } from "./text";
import { describeContents } from "./visa-description";
import { VisaImage } from "./visa-image";

/** The flavours that an image is offered with. */
export interface VisaPlans {
  /** VISA's names of flavours: these, and no others. */
  readonly flavours: readonly string[];
  /**
   * The flavour that is chosen already when VISA's page opens. All of VISA has one.
   * @default - none of this image
   */
  readonly preset?: string;
}

/** Properties of a {@link VisaRegistration}. */
export interface VisaRegistrationProps {
  /** The image, or the id of one in Glance. */
  readonly image: IVisaImage | string;
  /**
   * `candidate`: hidden, with a plan that only administrators see. `production`: shown, and the entry before it is
   * hidden. To promote a candidate neither builds nor uploads.
   * @default "production"
   */
  readonly channel?: VisaChannel;
  /**
   * At most 250 characters.
   * @default - the image's name in Glance
   */
  readonly name?: string;
  /**
   * At most 100 characters.
   * @default - the release's 12 digits
   */
  readonly version?: string;
  /**
   * Shown to users; at most 2,500 characters, less the last line, by which the entry is known: `[visa-images <key>
   * <release>]`.
   * @default - what the image is made of, and what changed since the release before
   */
  readonly description?: string;
  /**
   * A picture that VISA's page has: `data-analysis-1.jpg`, `-2` or `-3`. At most 100 characters.
   * @default - that of the entry before, else data-analysis-1.jpg
   */
  readonly icon?: string;
  /**
   * What VISA waits for on an instance, by VISA's names. All of them have to answer, or it stays PARTIALLY_ACTIVE.
   * @default - what the template's contract promises: `desktop` GUACD and RDP, `jupyter` JUPYTER
   */
  readonly protocols?: readonly VisaProtocol[];
  /**
   * Protocols that a layer of one's own serves, and that no part of the contract promises (WEBX, VISA_FS, VISA_PRINT):
   * added to `protocols`. Nothing checks them before VISA does.
   * @default - none
   */
  readonly uncheckedProtocols?: readonly VisaProtocol[];
  /**
   * What the contract promises of an image that was made elsewhere.
   * @default - the template's; for another image it has to be given
   */
  readonly contract?: readonly ContractPart[];
  /**
   * The desktop that VISA opens: GUACD or WEBX.
   * @default - the first of these that is among the protocols
   */
  readonly defaultDesktop?: VisaProtocol;
  /**
   * What GUACD connects to.
   * @default - RDP, where GUACD and RDP are among the protocols
   */
  readonly secondaryDesktop?: VisaProtocol;
  /**
   * How VISA signs users in at the desktop; "" for not at all. At most 255 characters.
   * @default - "VISA_PAM" where the contract has `login`
   */
  readonly autologin?: string;
  /**
   * The user data of instances. At most 16,000 UTF-16 units.
   * @default - the image's; none for an image by its id
   */
  readonly bootCommand?: string;
  /**
   * VISA's name of the cloud that instances are made in.
   * @default - that of the entry before, else VISA's default cloud
   */
  readonly cloudClient?: string;
  /**
   * Whose requests for a longer life of an instance are granted by themselves. It takes VISA 3.4.
   * @default - as the entry before, else VISA's own
   */
  readonly autoAcceptExtensionRequest?: AutoAcceptExtensionRequest;
  /**
   * `move`: the plans of the entry before. Otherwise flavours by name.
   * @default "move"
   */
  readonly plans?: "move" | VisaPlans;
  /** @default - the stack's OpenStack provider: the image is looked at before VISA is told of it */
  readonly provider?: TerraformProvider;
}

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
    });
    claimAddress(this.resource, `${address}_in_visa`);
    // Where Terraform itself is killed, it may have written into its state that the first is whole, and would never run it
    // again: it writes a resource there before its provisioners have ended. Then this one is not there yet, and finishes.
    this.seen = new TerraformData(this, "Seen", {
      triggersReplace: { registration: this.resource.id },
      provisioners: [register],
    });
    claimAddress(this.seen, `${address}_seen_in_visa`);

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
}

/** What a registration needs to know of an image. */
interface Source {
  readonly imageId: string;
  readonly imageName?: string;
  readonly bootCommand?: string;
  readonly contract?: readonly ContractPart[];
  readonly layers?: readonly LayerSpecification[];
  readonly release?: IRelease;
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
    layers: build?.specification.layers,
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

function fieldsOf(props: VisaRegistrationProps, image: Source): WantedFields {
  const contract = image.contract ?? [];
  const name = props.name ?? image.imageName;
  if (name === undefined) {
    throw new VisaImageError("VISA's entry has no name, and its image has none that synth knows", {
      fix: 'name: "VISA desktop"',
    });
  }
  const protocols = protocolsOf(props, image);
  const defaultDesktop = props.defaultDesktop ?? DESKTOP_PROTOCOLS.find((each) => protocols.includes(each));
  checkDesktop(defaultDesktop, protocols);
  const secondary = defaultDesktop === "GUACD" && protocols.includes("RDP") ? "RDP" : undefined;
  const secondaryDesktop = props.secondaryDesktop ?? secondary;
  if (secondaryDesktop !== undefined && !protocols.includes(secondaryDesktop)) {
    throw new VisaImageError(`the secondary desktop "${secondaryDesktop}" is not among the protocols`, {
      fix: `choose one of: ${protocols.join(", ")}`,
    });
  }
  const autologin = props.autologin ?? (contract.includes("login") ? "VISA_PAM" : undefined);
  if (protocols.includes("WEBX") && autologin !== "VISA_PAM") {
    throw new VisaImageError("WEBX opens no desktop without the login by VISA's token", {
      fix: 'autologin: "VISA_PAM"',
    });
  }
  const bootCommand = props.bootCommand ?? image.bootCommand;
  refuseToken("image.bootCommand", bootCommand);
  return {
    name,
    version: props.version ?? image.release?.digits,
    description: props.description ?? (image.layers && describeContents(image.layers)),
    icon: props.icon,
    protocols,
    defaultDesktop: defaultDesktop as string,
    secondaryDesktop,
    autologin,
    bootCommand: props.bootCommand ?? (bootCommand && unescapeTemplate(bootCommand)),
    cloudClient: props.cloudClient,
    autoAcceptExtensionRequest: props.autoAcceptExtensionRequest,
  };
}

function protocolsOf(props: VisaRegistrationProps, { contract }: Source): VisaProtocol[] {
  if (contract === undefined) {
    throw new VisaImageError("nothing says what the image answers on: it was made elsewhere", {
      fix: 'contract: ["boot", "desktop", "login", "jupyter", "hygiene"], without the parts that it does not keep',
    });
  }
  const promised = promisedProtocols(contract);
  const { protocols = promised, uncheckedProtocols = [] } = props;
  const all = [...new Set([...protocols, ...uncheckedProtocols])];
  const unknown = all.find((each) => !VISA_PROTOCOLS.includes(each));
  if (unknown !== undefined) {
    throw new VisaImageError(`VISA has no protocol "${unknown}"`, { fix: `known: ${VISA_PROTOCOLS.join(", ")}` });
  }
  for (const each of protocols) {
    if (promised.includes(each) || uncheckedProtocols.includes(each)) continue;
    const part = promisingPart(each);
    throw new VisaImageError(
      `nothing answers on ${each} in the image: its instances would stay PARTIALLY_ACTIVE for ever`,
      {
        fix: part
          ? `leave it out, or have the template promise it: contract: ${[...contract, part].join(" ")}`
          : `leave it out; where a layer of your own serves it: uncheckedProtocols: ["${each}"]`,
      },
    );
  }
  return VISA_PROTOCOLS.filter((each) => all.includes(each));
}

function checkDesktop(desktop: VisaProtocol | undefined, protocols: readonly VisaProtocol[]): void {
  if (desktop === undefined) {
    throw new VisaImageError(`none of the protocols is a desktop: ${protocols.join(", ") || "there are none"}`, {
      fix: "VISA opens every image by GUACD or WEBX: a template whose contract has `desktop` answers on GUACD",
    });
  }
  if (!protocols.includes(desktop)) {
    throw new VisaImageError(`the default desktop "${desktop}" is not among the protocols`, {
      fix: `choose one of: ${protocols.filter((each) => DESKTOP_PROTOCOLS.includes(each)).join(", ")}`,
    });
  }
  if (DESKTOP_PROTOCOLS.includes(desktop)) return;
  throw new VisaImageError(`the default desktop "${desktop}" is no desktop`, { fix: 'defaultDesktop: "GUACD"' });
}

function plansOf({ flavours, preset }: VisaPlans): WantedPlan[] {
  const twice = flavours.find((each, index) => flavours.indexOf(each) !== index);
  if (twice !== undefined) throw new VisaImageError(`the flavour "${twice}" is listed twice`, { fix: "list it once" });
  if (flavours.length === 0) {
    throw new VisaImageError("no flavour is listed: no user would be offered the image", { fix: 'plans: "move"' });
  }
  if (preset !== undefined && !flavours.includes(preset)) {
    throw new VisaImageError(`the preset "${preset}" is not among the flavours`, {
      fix: `choose one of: ${flavours.join(", ")}`,
    });
  }
  return flavours.map((flavour) => ({ flavour, preset: flavour === preset }));
}

/** The fields of VISA's page, by its words. */
function triggersOf({ channel, fields, plans }: Wanted): Record<string, string | undefined> {
  const listed =
    plans === "move" ? plans : plans.map(({ flavour, preset }) => `${flavour}${preset ? " (preset)" : ""}`);
  return {
    channel,
    name: fields.name,
    version: fields.version,
    description: fields.description,
    icon: fields.icon,
    protocols: fields.protocols.join(" "),
    "default desktop": fields.defaultDesktop,
    "secondary desktop": fields.secondaryDesktop,
    autologin: fields.autologin,
    // It is long, and may hold what is nobody's business.
    "boot command": fields.bootCommand && short(sha256(fields.bootCommand)),
    "cloud client": fields.cloudClient,
    "extension requests": fields.autoAcceptExtensionRequest,
    plans: typeof listed === "string" ? listed : listed.join(", "),
  };
}

/** An entry of the triggers: one that is not said keeps its place, so that a plan shows when it is. */
function textOf(value: string | undefined): string {
  if (value === undefined) return "as it is";
  return isToken(value) ? value : escapeTemplate(value);
}
