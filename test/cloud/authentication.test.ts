import { authentication } from "../../lib/cloud/authentication";
import type { AuthSettings, CloudSettings } from "../../lib/cloud/settings";

const of = (auth: AuthSettings, more: Partial<CloudSettings> = {}) =>
  authentication({ auth, interface: "public", allowReauth: true, insecure: false, ...more });
const USER: AuthSettings = { username: "jane", password: "s3cret", default_domain: "default" };
const user = { name: "jane", domain: { id: "default" }, password: "s3cret" };
const password = (scope?: object) => ({
  kind: "document",
  document: { identity: { methods: ["password"], password: { user } }, ...(scope && { scope }) },
});

test("a user in a project, by its id or in a domain", () => {
  expect(of({ ...USER, project_id: "p" })).toEqual(password({ project: { id: "p" } }));
  expect(of({ ...USER, project_name: "p" })).toEqual(password({ project: { name: "p", domain: { id: "default" } } }));
  expect(of({ ...USER, project_name: "p", project_domain_name: "d" })).toEqual(
    password({ project: { name: "p", domain: { name: "d" } } }),
  );
});

test("domain_name is that of user and project where these have none of their own, and a scope without a project", () => {
  const auth = { username: "jane", password: "s3cret", domain_name: "d" };
  expect(of({ ...auth, user_domain_name: "u", project_name: "p" })).toMatchObject({
    document: {
      identity: { password: { user: { domain: { name: "u" } } } },
      scope: { project: { domain: { name: "d" } } },
    },
  });
  expect(of({ ...auth, project_name: "p" })).toMatchObject({
    document: {
      identity: { password: { user: { domain: { name: "d" } } } },
      scope: { project: { name: "p", domain: { name: "d" } } },
    },
  });
  expect(of({ ...auth, user_domain_id: "u" })).toMatchObject({ document: { scope: { domain: { name: "d" } } } });
});

test("a token in a project, and one that is used as it is", () => {
  expect(of({ token: "t", project_id: "p", password: "x" })).toEqual({
    kind: "document",
    document: { identity: { methods: ["token"], token: { id: "t" } }, scope: { project: { id: "p" } } },
  });
  expect(of({ token: "t" }, { allowReauth: false })).toEqual({ kind: "token", token: "t" });
});

test("an application credential, by its id or by name and user, for no scope", () => {
  const secret = { application_credential_secret: "s" };
  expect(of({ ...secret, application_credential_id: "i", project_id: "p" })).toEqual({
    kind: "document",
    document: { identity: { methods: ["application_credential"], application_credential: { id: "i", secret: "s" } } },
  });
  const named = { ...secret, application_credential_name: "n" };
  expect(of({ ...named, user_id: "u" })).toMatchObject({
    document: { identity: { application_credential: { name: "n", user: { id: "u" } } } },
  });
});

test.each<[string, AuthSettings, RegExp, Partial<CloudSettings>?]>([
  ["nothing", {}, /neither a password, nor a token, nor an application credential/],
  ["a password without a user", { password: "x" }, /no user is set/],
  ["a user by name and by id", { ...USER, user_id: "u" }, /by name and by id/],
  ["a user by id with a domain", { password: "x", user_id: "u", user_domain_id: "d" }, /no user by id where a domain/],
  ["a user without a domain", { username: "jane", password: "x" }, /the user "jane" has no domain/],
  [
    "a project without a domain",
    { ...USER, default_domain: undefined, user_domain_id: "d", project_name: "p" },
    /the project "p" has no domain/,
  ],
  [
    "a domain by name and by id",
    { ...USER, user_domain_id: "d", user_domain_name: "D" },
    /domain is set by name and by id/,
  ],
  ["a token for no project", { token: "t" }, /a token without a project/],
  ["a token that is asked for", { ...USER, project_id: "p" }, /no token is set/, { authType: "v3token" }],
  ["a credential without its secret", { application_credential_id: "i" }, /has no secret/],
  [
    "a credential by name alone",
    { application_credential_name: "n", application_credential_secret: "s" },
    /by name, and no user/,
  ],
  ["version 2 by its address", { ...USER, auth_url: "http://k/v2.0" }, /version 2\.0 of Keystone's API/],
  ["another version", USER, /version 2 of Keystone's API/, { identityVersion: "2" }],
])("fails for %s, with what to set", (...[, auth, message, more]) => {
  expect(() => of(auth, more)).toThrow(message);
  expect(() => of(auth, more)).toThrow(/^cannot sign in to the cloud: .*\n {2}fix: /);
});
