/** A cloud that was signed in to, and its services. */
import { Nova } from "./compute";
import { Glance } from "./glance";
import { asRecord, asString, type Credentials, type Session, serviceEndpoint, signIn } from "./keystone";
import { Neutron } from "./neutron";
import type { SignedIn } from "./service";

/** The services that make servers, and what belongs to them. */
export type ServerServices = Pick<Cloud, "nova" | "neutron">;

/** One of them. */
export class Cloud {
  private ownNova: Nova | undefined;
  private ownNeutron: Neutron | undefined;

  private readonly signedIn: SignedIn;

  constructor(session: Session) {
    this.signedIn = { session };
  }

  /** @throws VisaImageError where Keystone does not take the credentials */
  static async connect(credentials: Credentials): Promise<Cloud> {
    return new Cloud(await signIn(credentials));
  }

  get credentials(): Credentials {
    return this.signedIn.session.credentials;
  }

  /** The project that was signed in to; nothing for a sign-in without one. */
  get projectId(): string | undefined {
    return asString(asRecord(this.signedIn.session.document.project).id);
  }

  /** When the token of the sign-in ends: RFC 3339. */
  get expiresAt(): string | undefined {
    return asString(this.signedIn.session.document.expires_at);
  }

  /** Whether it has servers, and networks for them. */
  get hasServers(): boolean {
    return ["compute", "network"].every((type) => serviceEndpoint(this.signedIn.session, type) !== undefined);
  }

  /** @throws VisaImageError where Keystone's catalog lacks it */
  get nova(): Nova {
    this.ownNova ??= new Nova(this.signedIn);
    return this.ownNova;
  }

  /** @throws VisaImageError where Keystone's catalog lacks it */
  get neutron(): Neutron {
    this.ownNeutron ??= new Neutron(this.signedIn);
    return this.ownNeutron;
  }

  /** Its Glance, by a sign-in of its own. */
  glance(): Promise<Glance> {
    return Glance.connect(this.credentials);
  }
}
