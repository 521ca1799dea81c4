/**
 * What Nova takes of an instance and of a flavour: else it would say so when all else is there.
 *
 * From the schemas of its API (nova/api/openstack/compute/schemas, nova/api/validation/parameter_types.py).
 */
import { isIPv4 } from "node:net";
import { VisaImageError } from "../errors";
import { METADATA_CHARACTERS } from "../specification";
import { isToken, unescapeTemplate } from "./text";

/** Characters of a name. */
const MAX_NAME = 255;

/** User data: 65535 characters of Base64. */
const USER_DATA_BYTES = 49149;

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/** @throws VisaImageError for a name that is empty, too long, or begins or ends with a space */
export function checkNovaName(prop: string, name: string): void {
  if (isToken(name)) return;
  const length = [...name].length;
  if (length > 0 && length <= MAX_NAME && name.trim() === name) return;
  const got = length > MAX_NAME ? `${length} characters` : `"${name}"`;
  throw new VisaImageError(`"${prop}" is ${got}, which Nova does not take`, {
    fix: `1 to ${MAX_NAME} characters, without a space at either end`,
  });
}

/** @throws VisaImageError for what is no UUID */
export function checkUuid(prop: string, value: string, what: string): void {
  if (isToken(value) || UUID.test(value)) return;
  throw new VisaImageError(`"${prop}" is "${value}", expected ${what}`, {
    fix: "its UUID, not its name: a resource's id, or what openstack … show says",
  });
}

/** @throws VisaImageError for what is no IPv4 address */
export function checkFixedIp(prop: string, address: string): void {
  if (isToken(address) || isIPv4(address)) return;
  throw new VisaImageError(`"${prop}" is "${address}", expected an IPv4 address`, {
    fix: address.includes(":")
      ? "for an address of IPv6 make a port that has it, and name that: portId"
      : 'fixedIp: "10.42.0.17", an address of the network without the length of its prefix',
  });
}

/** @throws VisaImageError for more user data than Nova takes */
export function checkUserData(bootCommand: string): void {
  if (isToken(bootCommand)) return;
  const bytes = Buffer.byteLength(unescapeTemplate(bootCommand));
  if (bytes <= USER_DATA_BYTES) return;
  throw new VisaImageError(`the boot command has ${bytes} bytes; Nova takes at most ${USER_DATA_BYTES} of user data`, {
    fix: "shorten it, or put what it does into a layer of the image",
  });
}

/**
 * An entry of an instance's metadata, or of a flavour's extra specs.
 *
 * @param what what the entry is called: `metadata`
 * @throws VisaImageError for a name or a value that Nova does not take
 */
export function checkEntry(what: string, key: string, value: string): void {
  if (key.length > METADATA_CHARACTERS) {
    throw new VisaImageError(`the ${what} name "${key}" has ${key.length} characters`, {
      fix: `Nova takes at most ${METADATA_CHARACTERS}`,
    });
  }
  if (!isToken(key) && !/^[\w:. -]+$/.test(key)) {
    throw new VisaImageError(`the ${what} name "${key}" is none that Nova takes`, {
      fix: "letters, digits, and - _ : . or a space in it",
    });
  }
  if (isToken(value) || value.length <= METADATA_CHARACTERS) return;
  throw new VisaImageError(
    `the ${what} "${key}" has ${value.length} characters; Nova takes at most ${METADATA_CHARACTERS}`,
    {
      fix:
        key === "pamPublicKey"
          ? "bake the key into the image (pamPublicKeyFile), or use one of at most 896 bits"
          : "shorten it, or put it into the image",
    },
  );
}

/** @throws VisaImageError for what is no whole number, or less than `least` */
export function checkWhole(prop: string, value: number, least: number, unit: string): void {
  if (isToken(value) || (Number.isInteger(value) && value >= least)) return;
  throw new VisaImageError(`"${prop}" is ${value}, expected a whole number of ${unit}, at least ${least}`, {
    fix: `${prop}: ${Math.max(least, Math.ceil(value) || least)}`,
  });
}
