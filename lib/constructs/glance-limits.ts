/**
 * What Glance takes of an image: else it would say so after a whole build.
 *
 * From its API (glance/api/v2/images.py), its tables, and the defaults of `image_property_quota` and `image_tag_quota`.
 */
import { VisaImageError } from "../errors";
import { WRITTEN_AFTER_REGISTRATION } from "../releases/release";
import { isToken } from "./text";

/** Characters of an image's name, of a tag, and of a property's name. */
const MAX_NAME = 255;

/** Bytes of a property's value. */
const MAX_VALUE = 65_535;

/** Properties, and tags, of one image. */
const MAX_COUNT = 128;

/** Properties of ours beside a stack's: at most 15 by Terraform, and those that are written after registration. */
const OWN_PROPERTIES = 15 + WRITTEN_AFTER_REGISTRATION.length;

const VISIBILITIES = ["private", "shared", "community", "public"];
const DISK_FORMATS = ["raw", "qcow2"];

/** What no property can be called: Glance's own attributes, and what its services write. */
const TAKEN = new Set(
  `location locations deleted deleted_at created_at updated_at status checksum size virtual_size direct_url self file schema stores
  id os_hash_algo os_hash_value container_format disk_format min_disk min_ram name tags owner visibility protected
  os_hidden image_type base_image_ref instance_uuid`.split(/\s+/),
);

/** The part of an image's props that Glance limits. What only Terraform knows is left to it. */
export interface GlanceArguments {
  readonly imageName?: string;
  readonly visibility?: string;
  readonly diskFormat?: string;
  /** In GiB. */
  readonly minDiskGb?: number;
  /** In MiB. */
  readonly minRamMb?: number;
  readonly properties?: Readonly<Record<string, string>>;
  readonly tags?: readonly string[];
}

/** @throws VisaImageError for what Glance would refuse, with its limit */
export function checkGlanceArguments(args: GlanceArguments): void {
  const { imageName, properties = {}, tags = [] } = args;
  checkLength("imageName", imageName, MAX_NAME);
  if (imageName === "") throw wrong("imageName", "", "a name");
  checkChoice("visibility", args.visibility, VISIBILITIES);
  checkChoice("diskFormat", args.diskFormat, DISK_FORMATS);
  checkNumber("minDiskGb", args.minDiskGb, "GiB");
  checkNumber("minRamMb", args.minRamMb, "MiB");
  if (!isToken(tags)) {
    checkCount("tags", tags.length, MAX_COUNT);
    for (const tag of tags) checkLength("tags", tag, MAX_NAME);
  }
  if (isToken(properties)) return;
  checkCount("properties", Object.keys(properties).length, MAX_COUNT - OWN_PROPERTIES);
  for (const [name, value] of Object.entries(properties)) {
    checkLength("properties", name, MAX_NAME);
    if (TAKEN.has(name) || name.startsWith("os_glance")) {
      throw new VisaImageError(`the property "${name}" is one of Glance's own`, {
        fix: "give it another name, or use the prop that there is for it (imageName, tags, minDiskGb, visibility)",
      });
    }
    if (name.startsWith("owner_specified")) {
      throw new VisaImageError(`the property "${name}" is one that the openstack client writes`, {
        fix: "give it a name that does not begin with owner_specified",
      });
    }
    if (!isToken(value) && Buffer.byteLength(value) > MAX_VALUE) {
      throw wrong(`properties.${name}`, `a text of ${Buffer.byteLength(value)} bytes`, `at most ${MAX_VALUE} bytes`);
    }
  }
}

function checkLength(prop: string, text: string | undefined, most: number): void {
  if (text === undefined || isToken(text) || [...text].length <= most) return;
  throw wrong(prop, `"${text.slice(0, 40)}…", ${[...text].length} characters`, `at most ${most}`);
}

function checkChoice(prop: string, value: string | undefined, choices: readonly string[]): void {
  if (value === undefined || isToken(value) || choices.includes(value)) return;
  throw wrong(prop, `"${value}"`, `one of ${choices.join(", ")}`);
}

function checkNumber(prop: string, value: number | undefined, unit: string): void {
  if (value === undefined || isToken(value) || (Number.isInteger(value) && value >= 0)) return;
  throw wrong(prop, String(value), `a whole number of ${unit}`);
}

function checkCount(prop: string, count: number, most: number): void {
  if (count > most) throw wrong(prop, `a list of ${count}`, `at most ${most}`);
}

function wrong(prop: string, got: string, expected: string): VisaImageError {
  return new VisaImageError(`"${prop}" is ${got || "empty"}, expected ${expected}`, {
    fix: `${prop}: ${expected}`,
  });
}
