/**
 * What is sent to Keystone to sign in. The rules are gophercloud's, with its refusals: what the provider does not take is
 * not taken here either, or the mistake would be found after the build.
 */
import { ExitCode, VisaImageError } from "../errors";
import type { AuthSettings, CloudSettings } from "./settings";

/** A sign-in. */
export type Authentication =
  /** Keystone's `auth` document. */
  | { readonly kind: "document"; readonly document: Readonly<Record<string, unknown>> }
  /** A token that is used as it is. */
  | { readonly kind: "token"; readonly token: string };

type Domain = { readonly id: string } | { readonly name: string };

/** @throws VisaImageError where something is missing, or too much is said */
export function authentication(settings: CloudSettings): Authentication {
  requireVersion3(settings);
  const application = isApplication(settings.auth);
  const auth = application || isInProject(settings.auth) ? withDomains(settings.auth) : settings.auth;
  const scope = application ? undefined : scopeOf(auth);
  const byToken = auth.token !== undefined || settings.authType?.includes("token");
  if (byToken && auth.token && !scope) {
    if (!settings.allowReauth) return { kind: "token", token: auth.token };
    throw refuse(
      "a token without a project beside it",
      "set OS_PROJECT_ID (or project_id in clouds.yaml) to the token's project",
    );
  }
  const identity = byToken ? tokenIdentity(auth) : auth.password ? passwordIdentity(auth) : applicationIdentity(auth);
  return { kind: "document", document: { identity, ...(scope && { scope }) } };
}

function requireVersion3({ identityVersion, authType, auth }: CloudSettings): void {
  const url = auth.auth_url ?? "";
  const byUrl = url.includes("v3") ? "3" : url.includes("v2.0") ? "2.0" : undefined;
  const version = identityVersion ?? byUrl ?? (/^v2/.test(authType ?? "") ? "2.0" : "3");
  if (version === "3") return;
  throw refuse(`version ${version} of Keystone's API is asked for`, "OS_IDENTITY_API_VERSION=3, which all clouds have");
}

function isApplication(auth: AuthSettings): boolean {
  return Boolean(
    auth.application_credential_id || auth.application_credential_name || auth.application_credential_secret,
  );
}

function isInProject(auth: AuthSettings): boolean {
  return Boolean(auth.project_id || auth.project_name);
}

/** `domain_*` stands for a user's and a project's domain that is not said; `default_domain` where none is said at all. */
function withDomains(auth: AuthSettings): AuthSettings {
  const of = (which: "user" | "project") => {
    const id = auth[`${which}_domain_id`] ?? auth.domain_id;
    const name = auth[`${which}_domain_name`] ?? auth.domain_name;
    return { [`${which}_domain_id`]: id ?? (name ? undefined : auth.default_domain), [`${which}_domain_name`]: name };
  };
  return { ...auth, ...of("user"), ...of("project"), domain_id: undefined, domain_name: undefined };
}

function scopeOf(auth: AuthSettings): Readonly<Record<string, unknown>> | undefined {
  if (auth.project_id) return { project: { id: auth.project_id } };
  if (auth.project_name) {
    const { project_domain_id: id, project_domain_name: name, project_name: project } = auth;
    if (!id && !name) throw withoutDomain("project", project);
    return { project: { name: project, domain: id ? { id } : { name } } };
  }
  if (auth.system_scope) return { system: { all: true } };
  if (auth.domain_id) return { domain: { id: auth.domain_id } };
  return auth.domain_name ? { domain: { name: auth.domain_name } } : undefined;
}

function tokenIdentity({ token }: AuthSettings): Record<string, unknown> {
  if (!token) throw refuse("no token is set", "set OS_TOKEN, or another auth_type in clouds.yaml");
  return { methods: ["token"], token: { id: token } };
}

function passwordIdentity(auth: AuthSettings): Record<string, unknown> {
  const { username, user_id: id, password } = auth;
  if (username && id) throw refuse("a user is set by name and by id", "unset OS_USERNAME or OS_USER_ID");
  if (username) {
    return { methods: ["password"], password: { user: { name: username, domain: userDomain(auth), password } } };
  }
  if (!id) throw refuse("no user is set", "set OS_USERNAME (or username in clouds.yaml)");
  if (auth.user_domain_id || auth.user_domain_name) {
    throw refuse(
      "the provider takes no user by id where a domain is set, and by the variables alone one always is",
      "set OS_USERNAME and OS_USER_DOMAIN_NAME in place of OS_USER_ID; or describe the cloud in clouds.yaml, without domains",
    );
  }
  return { methods: ["password"], password: { user: { id, password } } };
}

function applicationIdentity(auth: AuthSettings): Record<string, unknown> {
  const {
    application_credential_id: id,
    application_credential_name: name,
    application_credential_secret: secret,
  } = auth;
  if (!id && !name) {
    throw refuse(
      "neither a password, nor a token, nor an application credential is set",
      "set OS_PASSWORD, or what else your cloud's openrc has, in the shell that runs cdktf",
    );
  }
  if (!secret) throw refuse("the application credential has no secret", "set OS_APPLICATION_CREDENTIAL_SECRET");
  if (id) return { methods: ["application_credential"], application_credential: { id, secret } };
  const { username, user_id } = auth;
  if (!username && !user_id) {
    throw refuse("an application credential is set by name, and no user", "set OS_APPLICATION_CREDENTIAL_ID");
  }
  const user = user_id ? { id: user_id } : { name: username, domain: userDomain(auth) };
  return { methods: ["application_credential"], application_credential: { name, user, secret } };
}

function userDomain({ username, user_domain_id: id, user_domain_name: name, password }: AuthSettings): Domain {
  // With a password the provider takes one of them alone.
  if (id && name && password) throw refuse("a user's domain is set by name and by id", "unset one of the two");
  if (id) return { id };
  if (name) return { name };
  throw withoutDomain("user", username);
}

function withoutDomain(which: "user" | "project", name?: string): VisaImageError {
  return refuse(
    `the ${which} "${name}" has no domain, and the provider knows no default here`,
    `set ${which}_domain_name in clouds.yaml, or OS_${which.toUpperCase()}_DOMAIN_NAME: "Default" on most clouds`,
  );
}

function refuse(what: string, fix: string): VisaImageError {
  return new VisaImageError(`cannot sign in to the cloud: ${what}`, { fix, exitCode: ExitCode.USAGE });
}
