/** What a registration says of its image, as the fields of VISA's page. */
import type { ContractPart } from "../contract";
import { VisaImageError } from "../errors";
import { sha256, short } from "../fingerprint/digest";
import type { Wanted, WantedFields, WantedPlan } from "../visa/wanted";
import {
  DESKTOP_PROTOCOLS,
  promisedProtocols,
  promisingPart,
  VISA_PROTOCOLS,
  type VisaProtocol,
} from "../visa-protocols";
import type { LayerBuild } from "./layer-build";
import type { IRelease } from "./release-family";
import { escapeTemplate, isToken, refuseToken, unescapeTemplate } from "./text";
import { describeContents } from "./visa-description";
import type { VisaPlans, VisaRegistrationProps } from "./visa-registration-props";

/** What a registration needs to know of an image. */
export interface Source {
  readonly imageId: string;
  readonly imageName?: string;
  readonly bootCommand?: string;
  readonly contract?: readonly ContractPart[];
  readonly build?: LayerBuild;
  readonly release?: IRelease;
}

/** The fields of VISA's form. @throws VisaImageError for whatever VISA would refuse, or accept and never make ACTIVE */
export function fieldsOf(props: VisaRegistrationProps, image: Source): WantedFields {
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
    description: props.description ?? (image.build && describeContents(image.build.specification.layers)),
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

/** Flavours by name. @throws VisaImageError for a list that makes no sense */
export function plansOf({ flavours, preset }: VisaPlans): WantedPlan[] {
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
export function triggersOf({ channel, fields, plans }: Wanted): Record<string, string | undefined> {
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
export function textOf(value: string | undefined): string {
  if (value === undefined) return "as it is";
  return isToken(value) ? value : escapeTemplate(value);
}
