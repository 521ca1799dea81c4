import { stringify } from "yaml";
import { VisaImageError } from "../errors";
import { ownerScript } from "../owner-script";
import { escapeTemplate } from "./text";

/** Options of {@link OwnerUserData}. */
export interface OwnerUserDataOptions {
  /**
   * Shell (bash, run as root with `set -euo pipefail`) that runs after the owner exists: on every new instance, once. It
   * runs by itself: its `exit` ends it and nothing else.
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
  /**
   * As a shell script, the form that VISA's own images use.
   * @throws VisaImageError where VISA or cloud-init would not take it, or `extraShell` is for another program than bash
   */
  static script(options: OwnerUserDataOptions = {}): OwnerUserData {
    const { text, warnings } = script(options);
    return new OwnerUserData(text, warnings);
  }

  /**
   * As `#cloud-config`, to which more of cloud-init's modules can be added by hand.
   * @throws VisaImageError as {@link OwnerUserData.script} does
   */
  static cloudConfig(options: OwnerUserDataOptions = {}): OwnerUserData {
    const { text, warnings } = script(options);
    const config = { runcmd: [["bash", "-c", text]] };
    return new OwnerUserData(`#cloud-config\n${stringify(config, { lineWidth: 0 })}`, warnings);
  }

  private constructor(
    /** The document as an instance gets it, and as it is pasted into VISA. */
    readonly text: string,
    /** What was mended in what it is made of. */
    readonly warnings: readonly string[],
  ) {
    if (text.length > VISA_LIMIT) {
      throw new VisaImageError(`the boot command has ${text.length} characters; VISA takes at most ${VISA_LIMIT}`, {
        fix: "put what is long into the image, and let extraShell call it",
      });
    }
  }

  /** The document for an argument or an output of Terraform: `${` and `%{` in it are escaped. */
  render(): string {
    return escapeTemplate(this.text);
  }
}

interface Shell {
  readonly text: string;
  readonly warnings: readonly string[];
}

function script(options: OwnerUserDataOptions): Shell {
  const source = mend("the script that makes the owner", options.source ?? ownerScript());
  if (!source.text.startsWith("#!")) {
    throw new VisaImageError("the script that makes the owner does not begin with #!", {
      fix: 'begin it with "#!/bin/bash": cloud-init runs no user data without that line',
    });
  }
  const extra = mend("the extra shell", options.extraShell ?? "");
  const warnings = [...source.warnings, ...extra.warnings];
  if (!extra.text.trim()) return { text: source.text, warnings };
  const [interpreter] = extra.text.split("\n") as [string];
  if (interpreter.startsWith("#!") && !/^#!.*\b(ba)?sh\b/.test(interpreter)) {
    throw new VisaImageError(`the extra shell begins with "${interpreter}", and bash runs it`, {
      fix: "put that program into the image, and call it from the extra shell",
    });
  }
  // Each in a subshell, so that its `exit` ends itself and no more; a failure of it ends the whole script.
  const [shebang, ...lines] = source.text.trimEnd().split("\n");
  const parts = [lines.join("\n"), extra.text.trimEnd()].flatMap((part) => ["(", part, ")"]);
  return { text: `${[shebang, "set -euo pipefail", ...parts].join("\n")}\n`, warnings };
}

/** Shell as Linux wants it: editors of other systems put a byte order mark before it, and CR at the ends of its lines. */
function mend(what: string, shell: string): Shell {
  const warnings: string[] = [];
  let text = shell;
  if (text.startsWith("\uFEFF")) {
    text = text.slice(1);
    warnings.push(`${what} begins with a byte order mark, which was left out`);
  }
  if (/\r(\n|$)/.test(text)) {
    text = text.replaceAll(/\r+(?=\n|$)/g, "");
    warnings.push(`${what} has lines that end as on Windows (CRLF), which were mended`);
  }
  return { text, warnings };
}
