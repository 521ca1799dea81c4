import { stringify } from "yaml";
import { VisaImageError } from "../errors";
import { ownerScript } from "../owner-script";
import { escapeTemplate } from "./text";

/** Options of {@link OwnerUserData}. */
export interface OwnerUserDataOptions {
  /**
   * Shell (bash, run as root with `set -euo pipefail`) that runs after the owner exists: on every new instance, once.
   * @default - none
   */
  readonly extraShell?: string;
  /**
   * The script that makes the owner, instead of the one that the images have.
   * @default - templates/visa-base/files/visa-owner of this package
   */
  readonly source?: string;
}

/**
 * VISA refuses a longer boot command: in characters. Nova's own limit, 65,535 bytes as base64, is out of reach then: a
 * character has at most three bytes (four for two of JavaScript's), which makes 64,000.
 */
const VISA_LIMIT = 16_000;

/**
 * The boot command: user data that reads `owner` and `pamPublicKey` from the instance's metadata, checks them, creates
 * the user and writes the key, and is safe to run twice. VISA sends it to Nova as it is, without filling anything in.
 */
export class OwnerUserData {
  /** As a shell script, the form that VISA's own images use. */
  static script(options: OwnerUserDataOptions = {}): OwnerUserData {
    return new OwnerUserData(script(options));
  }

  /** As `#cloud-config`, to which more of cloud-init's modules can be added by hand. */
  static cloudConfig(options: OwnerUserDataOptions = {}): OwnerUserData {
    const config = { runcmd: [["bash", "-c", script(options)]] };
    return new OwnerUserData(`#cloud-config\n${stringify(config, { lineWidth: 0 })}`);
  }

  /** The document as an instance gets it, and as it is pasted into VISA. */
  readonly text: string;

  private constructor(text: string) {
    if (text.length > VISA_LIMIT) {
      throw new VisaImageError(`the boot command has ${text.length} characters; VISA takes at most ${VISA_LIMIT}`, {
        fix: "put what is long into the image, and let extraShell call it",
      });
    }
    this.text = text;
  }

  /** The document for an argument or an output of Terraform: `${` and `%{` in it are escaped. */
  render(): string {
    return escapeTemplate(this.text);
  }
}

function script({ extraShell, source = ownerScript() }: OwnerUserDataOptions): string {
  if (!source.startsWith("#!")) {
    throw new VisaImageError("the script that makes the owner does not begin with #!", {
      fix: 'begin it with "#!/bin/bash": cloud-init runs no user data without that line',
    });
  }
  if (!extraShell) return source;
  // In a subshell, so that its `exit` ends itself and no more; a failure of it ends the whole script.
  const [shebang, ...lines] = source.trimEnd().split("\n");
  return `${[shebang, "set -euo pipefail", "(", ...lines, ")", extraShell.trimEnd()].join("\n")}\n`;
}
