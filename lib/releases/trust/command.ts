/** `visa-image sign-release` and `verify-release`. */
import { readFileSync, writeFileSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { Glance } from "../../cloud/glance";
import { credentialsFrom } from "../../cloud/keystone";
import { usageError } from "../../errors";
import { publicKeys } from "./dsse";
import { findRelease } from "./find-release";
import { keptEnvelope } from "./kept-envelope";
import { signOptions, signRelease } from "./sign-release";
import { describeTrusted, verifyRelease } from "./verify-release";

const KEY_FIX =
  "let VISA_SIGNING_KEY_FILE name a private key, or VISA_SIGNING_COMMAND a command that signs (docs/know.md)";

/** The sub-command `sign-release`. @public the program loads it when it is asked for */
export function signReleaseCommand(): Command {
  return new Command("sign-release")
    .description("sign where an image came from, on the machine that built it; a deploy does so where there is a key")
    .argument("<image>", "its id in Glance, its name, or its release's 12 digits")
    .addHelpText(
      "after",
      "\nThe key: VISA_SIGNING_KEY_FILE, or VISA_SIGNING_COMMAND with VISA_SIGNING_PUBLIC_KEY_FILE.",
    )
    .action(async (name) => {
      const glance = await Glance.connect(credentialsFrom(process.env));
      const image = await findRelease(glance, name);
      const became = await signRelease(glance, image, signOptions(image));
      if (became === "no key") throw usageError("there is no key to sign with", undefined, KEY_FIX);
      process.stdout.write(`the image ${image.id} "${image.name}" is ${became}\n`);
    }) as unknown as Command;
}

/** The sub-command `verify-release`. @public the program loads it when it is asked for */
export function verifyReleaseCommand(): Command {
  return new Command("verify-release")
    .description("check that an image in Glance is what a key that you trust has signed, and say where it came from")
    .argument("<image>", "its id in Glance, its name, or its release's 12 digits")
    .option("--key <file>", "public keys that you trust, in PEM (VISA_SIGNING_PUBLIC_KEY_FILE)")
    .option("--envelope <file>", "the signed provenance, where it is not to be taken from Glance")
    .option("--files <file...>", "manifest.json, sbom.cdx.json or report.json, which have to be those that were signed")
    .option("--download", "read the image's bytes too, and not only Glance's checksum of them")
    .option("--save <file>", "write the signed provenance there, for other tools")
    .option("--json", "for programs")
    .addHelpText(
      "after",
      "\nExit codes: 2 wrong call, 4 not to be trusted: not signed, signed by another key, or changed.",
    )
    .action(async (name, options) => {
      const file = options.key ?? process.env.VISA_SIGNING_PUBLIC_KEY_FILE;
      if (!file) throw usageError("whom you trust is missing", undefined, "--key FILE: the public key of who signs");
      const keys = publicKeys(read(file), file);
      const given = options.envelope === undefined ? undefined : read(options.envelope);
      const glance = await Glance.connect(credentialsFrom(process.env));
      const image = await findRelease(glance, name);
      const envelope = given ?? (await keptEnvelope(glance, image));
      const trusted = await verifyRelease(glance, image, { ...options, keys, envelope });
      if (options.save) writeFileSync(options.save, envelope);
      const { keyId, statement } = trusted;
      if (options.json) process.stdout.write(`${JSON.stringify({ image: image.id, keyId, statement }, null, 2)}\n`);
      else process.stdout.write(`${describeTrusted(trusted).join("\n")}\n`);
    }) as unknown as Command;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw usageError(`cannot read "${file}" (${code})`, undefined, "correct the path", cause);
  }
}
