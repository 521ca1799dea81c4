/**
 * Where the signed provenance of a release is kept: in a hidden image of its own beside it. A property holds 255 characters,
 * which Nova copies onto every server; the envelope has some thousand. docs/decisions/trust.md.
 */
import type { Glance, GlanceImage } from "../../cloud/glance";
import { sha256, short } from "../../fingerprint/digest";
import { PROVENANCE_DIGEST_PROPERTY, PROVENANCE_OF_PROPERTY, PROVENANCE_PROPERTY } from "../release";
import { type Envelope, refusal } from "./dsse";

/** What a person does where an image has no signature. */
const SIGN_FIX = "sign it on the machine that built it: npx visa-image sign-release";

/** Keeps an envelope beside an image, in the place of the one before. */
export async function keepEnvelope(glance: Glance, image: GlanceImage, envelope: Envelope): Promise<void> {
  const text = `${JSON.stringify(envelope)}\n`;
  const before = image[PROVENANCE_PROPERTY];
  // Whoever may see the image may see where it came from. One that is shared with projects stays this project's own here.
  const visibility = ["public", "community"].includes(image.visibility) ? image.visibility : "private";
  const values = { visibility, [PROVENANCE_OF_PROPERTY]: image.id };
  const id = await glance.createHidden(`${image.name} (provenance)`.slice(-255), values, text);
  await glance.update(image.id, { [PROVENANCE_PROPERTY]: id, [PROVENANCE_DIGEST_PROPERTY]: sha256(text) });
  await dropEnvelope(glance, image.id, before);
}

/**
 * Deletes an envelope, if it is of that image: a property can be written by others.
 *
 * @param id what the image says of it
 */
export async function dropEnvelope(glance: Glance, imageId: string, id: unknown): Promise<void> {
  if (typeof id !== "string") return;
  const kept = await glance.image(id);
  if (kept?.[PROVENANCE_OF_PROPERTY] === imageId) await glance.delete(kept.id);
}

/**
 * The envelope of an image, as it was kept.
 *
 * @throws VisaImageError (exit code 4) where the image has none, or another one than it says
 */
export async function keptEnvelope(glance: Glance, image: GlanceImage): Promise<string> {
  const { [PROVENANCE_PROPERTY]: id, [PROVENANCE_DIGEST_PROPERTY]: digest } = image;
  if (typeof id !== "string") throw refusal(`the image "${image.id}" is not signed`, { fix: SIGN_FIX });
  const text = await glance.text(id);
  if (text === undefined) {
    throw refusal(`the signed provenance of the image "${image.id}" is gone: it was the image "${id}"`, {
      fix: `${SIGN_FIX}; where you have its file: --envelope`,
    });
  }
  if (sha256(text) === digest) return text;
  throw refusal(
    `the signed provenance of the image "${image.id}" was changed: its SHA-256 is ${short(sha256(text))}…, not ${short(String(digest))}… as the image says`,
    { fix: "do not use the image; find out who changed it" },
  );
}
