import { join } from "node:path";
import { cloudSettings } from "../../lib/cloud/settings";
import { temporaryCatalog } from "../fixtures/temporary-catalog";

const folder = temporaryCatalog({
  "clouds.yaml":
    "clouds: {ours: {auth: {auth_url: http://a/v3, username: jane}, region_name: North, verify: false, auth_type: password}}\n",
});
const settings = (environment: Record<string, string>) => cloudSettings(environment, folder);

test("the variables alone: OS_TOKEN and the older names win, and the default domain is known", () => {
  const { auth, ...rest } = settings({
    OS_AUTH_URL: "http://k/v3",
    OS_TOKEN: "t",
    OS_AUTH_TOKEN: "other",
    OS_TENANT_NAME: "tenant",
    OS_PROJECT_NAME: "project",
    OS_PASSWORD: "",
  });
  expect(auth).toMatchObject({
    auth_url: "http://k/v3",
    token: "t",
    project_name: "tenant",
    default_domain: "default",
  });
  expect(auth.password).toBeUndefined();
  expect(rest).toMatchObject({ interface: "public", allowReauth: true, insecure: false });
});

test("an entry goes before the variables, which complete it; there the newer names win, and no domain is known", () => {
  const { auth, ...rest } = settings({
    OS_CLOUD: "ours",
    OS_USERNAME: "joe",
    OS_PASSWORD: "s3cret",
    OS_TENANT_NAME: "tenant",
    OS_PROJECT_NAME: "project",
    OS_INTERFACE: "nonsense",
  });
  expect(auth).toMatchObject({
    auth_url: "http://a/v3",
    username: "jane",
    password: "s3cret",
    project_name: "project",
  });
  expect(auth.default_domain).toBeUndefined();
  expect(rest).toMatchObject({ region: "North", insecure: true, authType: "password", interface: "public" });
  expect(settings({ OS_CLOUD: "ours", OS_REGION_NAME: "South", OS_INSECURE: "false" })).toMatchObject({
    region: "South",
    insecure: false,
  });
});

test.each([
  [{ OS_ENDPOINT_TYPE: "internalURL" }, "internal"],
  [{ OS_INTERFACE: "admin" }, "admin"],
  [{ OS_ENDPOINT_TYPE: "public", OS_INTERFACE: "admin" }, "public"],
])("the interface of %j is %s", (environment, expected) => {
  expect(settings(environment).interface).toBe(expected);
});

test.each([
  [{ OS_ENDPOINT_TYPE: "outside" }, /OS_ENDPOINT_TYPE is "outside"\n {2}fix: OS_ENDPOINT_TYPE=public/],
  [{ OS_INSECURE: "yes" }, /OS_INSECURE is "yes", which the provider does not take/],
  [{ OS_CACERT: "none.pem" }, /OS_CACERT is neither a file nor a certificate in PEM: "none\.pem"/],
  [{ OS_CACERT: "clouds.yaml" }, /OS_CACERT is neither a file nor a certificate/],
  [{ OS_CACERT: join(folder, ".") }, /cannot read OS_CACERT: EISDIR/],
])("fails for %j", (environment, message) => {
  expect(() => settings(environment as Record<string, string>)).toThrow(message);
});

test("a client's certificate counts with its key alone", () => {
  expect(settings({ OS_CERT: "CERT" })).not.toHaveProperty("clientCertificate");
  expect(settings({ OS_CERT: "CERT", OS_KEY: "KEY" }).clientCertificate).toEqual({ cert: "CERT", key: "KEY" });
});
