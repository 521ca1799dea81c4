/** What a registration in VISA is told. */
import type { TerraformProvider } from "#cdktf";
import type { ContractPart } from "../contract";
import type { AutoAcceptExtensionRequest, VisaChannel } from "../visa/wanted";
import type { VisaProtocol } from "../visa-protocols";
import type { IVisaImage } from "./existing-image";

/** The flavours that an image is offered with. */
export interface VisaPlans {
  /** VISA's names of flavours: these, and no others. */
  readonly flavours: readonly string[];
  /**
   * The flavour that is chosen already when VISA's page opens. All of VISA has one: of a stack's registrations in
   * production one may name it.
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
