/** What the writer and the reader of a bill of materials agree on. */

/** What the names of our properties in a bill begin with. */
export const PROPERTY = "visa-image:";

/** Of our properties; bills without a version have Debian's packages alone (CycloneDX 1.5). */
export const BILL_VERSION = 1;

/** The tool that a bill of ours names. */
export const BILL_TOOL = "cdktf-visa-images";
