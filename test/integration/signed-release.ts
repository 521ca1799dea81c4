import { Glance, type GlanceImage } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import type { Envelope } from "../../lib/releases/trust/dsse";
import { keepEnvelope, keptEnvelope } from "../../lib/releases/trust/kept-envelope";
import type { KeyPair } from "../releases/trust/support";
import { scratchFolder } from "../support/scratch";
import { runVisaImage } from "./terraform-support";

/** A signed image in a cloud, as a machine sees it that has nothing but the public key, and as who may write to Glance does. */
export class SignedRelease {
  /** That machine's folder. */
  readonly elsewhere = scratchFolder();

  private constructor(
    readonly glance: Glance,
    public image: GlanceImage,
    private readonly envelope: Envelope,
    private readonly keys: KeyPair,
    private readonly cloudEnvironment: Readonly<Record<string, string>>,
  ) {}

  /** @param imageId an image that a deploy has signed */
  static async of(
    imageId: string,
    keys: KeyPair,
    cloudEnvironment: Readonly<Record<string, string>>,
  ): Promise<SignedRelease> {
    const glance = await Glance.connect(credentialsFrom({ ...cloudEnvironment }));
    const image = await imageOf(glance, imageId);
    const envelope = JSON.parse(await keptEnvelope(glance, image)) as Envelope;
    return new SignedRelease(glance, image, envelope, keys, cloudEnvironment);
  }

  /** The id of what is kept beside the image. */
  get envelopeId(): string {
    return String(this.image.visa_provenance);
  }

  /** `visa-image verify-release` on that machine, of this image by its id. */
  verify(...args: string[]) {
    return this.verifyImage(this.image.id, ...args);
  }

  /** The same of another image. */
  verifyImage(id: string, ...args: string[]) {
    const environment = { ...this.cloudEnvironment, VISA_IMAGE_CACHE: this.elsewhere };
    return runVisaImage(["verify-release", id, "--key", this.keys.public, ...args], this.elsewhere, environment);
  }

  /** Keeps an envelope of another statement with the signature that is there, and all digests of it right. */
  async forge(change: (statement: string) => string): Promise<void> {
    const statement = change(Buffer.from(this.envelope.payload, "base64").toString());
    await this.keep({ ...this.envelope, payload: Buffer.from(statement).toString("base64") });
  }

  /** Keeps the true envelope again. */
  async restore(): Promise<void> {
    await this.keep(this.envelope);
  }

  /** Takes all of it away. */
  async unsign(): Promise<void> {
    await this.glance.delete(this.envelopeId);
    await this.glance.update(this.image.id, { visa_provenance: undefined, visa_provenance_sha256: undefined });
  }

  /** An image of other bytes that has the name and all of this one's own properties. @returns its id */
  async imitate(bytes: string): Promise<string> {
    const own = Object.entries(this.image).filter(([name]) => name.startsWith("visa_"));
    return this.glance.createHidden(this.image.name, Object.fromEntries(own) as Record<string, string>, bytes);
  }

  private async keep(envelope: Envelope): Promise<void> {
    await keepEnvelope(this.glance, this.image, envelope);
    this.image = await imageOf(this.glance, this.image.id);
  }
}

async function imageOf(glance: Glance, id: string): Promise<GlanceImage> {
  const image = await glance.image(id);
  if (!image) throw new Error(`not in Glance: ${id}`);
  return image;
}
