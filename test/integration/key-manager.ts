/** Barbican, from Debian's package python3-barbican, beside an embedded cloud: what Glance takes certificates from. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { call } from "../../dev/embedded-cloud/http";
import { Identity, unexpected } from "../../dev/embedded-cloud/identity";
import { uwsgi } from "../../dev/embedded-cloud/services/uwsgi";
import { type CloudSettings, endpoints, REGION } from "../../dev/embedded-cloud/settings";
import { readState } from "../../dev/embedded-cloud/state";
import { Workbench } from "../../dev/embedded-cloud/workbench";
import { freePort } from "../../lib/verify/instance/ports";

const MODULE = "/usr/lib/python3/dist-packages/barbican";
const NAME = "barbican";

/** A key manager that runs, in the catalog of a cloud. */
export class KeyManager {
  private constructor(
    private readonly bench: Workbench,
    private readonly identity: Identity,
    private readonly url: string,
  ) {}

  /** @param folder of an embedded cloud that runs */
  static async start(folder: string): Promise<KeyManager> {
    if (!existsSync(MODULE)) throw new Error(`"${MODULE}" is missing: run \`npm run setup\` first`);
    const settings = await readState(folder);
    if (!settings) throw new Error(`no cloud in "${folder}"`);
    const [password, port] = [randomBytes(16).toString("hex"), await freePort()];
    const url = `http://127.0.0.1:${port}`;
    const identity = await Identity.login(settings);
    await identity.describe(settings, [{ name: NAME, password, type: "key-manager", url }]);

    const home = join(folder, NAME);
    mkdirSync(home);
    const write = (name: string, text: string) => writeFileSync(join(home, name), text, { mode: 0o600 });
    write("barbican.conf", configuration(settings, url, password, home));
    write("paste.ini", PIPELINES);
    write("app.py", `from paste.deploy import loadapp\napplication = loadapp("config:${join(home, "paste.ini")}")\n`);
    const bench = new Workbench(folder, () => undefined);
    // Its configuration is looked for in the home folder.
    await bench.start(NAME, uwsgi(port, join(home, "app.py"), 1), { HOME: home });
    const started = new KeyManager(bench, identity, url);
    await bench.ready(NAME, `${url}/`).catch(async (error) => {
      await started.stop();
      throw error;
    });
    return started;
  }

  async stop(): Promise<void> {
    await this.bench.service(NAME).stop();
  }

  /** Keeps the certificate of a key, signed by itself. @param key private, in a PEM file @returns the secret's UUID */
  async keepCertificate(key: string): Promise<string> {
    const request = ["req", "-x509", "-new", "-key", key, "-subj", "/CN=images", "-days", "2"];
    const pem = execFileSync("openssl", request, { encoding: "utf8" });
    const body = {
      ...{ name: "images", secret_type: "certificate", payload: Buffer.from(pem).toString("base64") },
      ...{ payload_content_type: "application/octet-stream", payload_content_encoding: "base64" },
    };
    const answer = await call("POST", `${this.url}/v1/secrets`, { token: this.identity.token, body });
    if (answer.status !== 201) throw unexpected("POST", `${this.url}/v1/secrets`, answer);
    return (answer.body as { secret_ref: string }).secret_ref.split("/").at(-1) ?? "";
  }
}

function configuration(settings: CloudSettings, url: string, password: string, home: string): string {
  return `[DEFAULT]
use_stderr = true
host_href = ${url}
sql_connection = sqlite:///${join(home, "barbican.db")}
db_auto_create = true

[keystone_authtoken]
www_authenticate_uri = ${endpoints(settings).keystone}
auth_url = ${endpoints(settings).keystone}
auth_type = password
username = ${NAME}
password = ${password}
project_name = service
user_domain_name = Default
project_domain_name = Default
region_name = ${REGION}
interface = public
`;
}

/** Its own example's, with Keystone's tokens, which that leaves out. */
const PIPELINES = `[composite:main]
use = egg:Paste#urlmap
/: versionapp
/v1: api

[pipeline:api]
pipeline = keystone_authtoken context apiapp

[app:apiapp]
paste.app_factory = barbican.api.app:create_main_app

[app:versionapp]
paste.app_factory = barbican.api.app:create_version_app

[filter:context]
paste.filter_factory = barbican.api.middleware.context:ContextMiddleware.factory

[filter:keystone_authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
`;
