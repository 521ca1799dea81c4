/** Keystone and Glance: the small size, and the first two services of the full one. */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Account, Identity } from "./identity";
import { pasteFile } from "./programs";
import { glanceConfiguration } from "./services/glance";
import { bootstrapArguments, keystoneCommand, keystoneConfiguration, makeKeys } from "./services/keystone";
import { type CloudSettings, endpoints } from "./settings";
import type { Workbench } from "./workbench";

/** Options of {@link startSmall}. */
export interface SmallOptions {
  /** Whether the databases have to be made, or brought up to date. */
  readonly fresh: boolean;
  /** More options of Glance's section DEFAULT. */
  readonly glance: Readonly<Record<string, string>>;
  /** Whether it fetches images from this machine, and converts them: see {@link glanceConfiguration}. */
  readonly imports: boolean;
  /** Services besides, with their users. @default none */
  readonly accounts?: readonly Account[];
}

/**
 * Starts both.
 *
 * @returns a client of Keystone, as admin
 */
export async function startSmall(bench: Workbench, settings: CloudSettings, options: SmallOptions): Promise<Identity> {
  const { fresh, accounts = [] } = options;
  await prepare(bench);
  const keystoneFile = join(bench.folder, "keystone/keystone.conf");
  const glanceFile = join(bench.folder, "glance/glance-api.conf");
  await bench.write("keystone/keystone.conf", keystoneConfiguration(settings));
  const configuration = glanceConfiguration(settings, await pasteFile(), options.glance, options.imports);
  await bench.write("glance/glance-api.conf", configuration);
  const { glance } = endpoints(settings);
  const own: Account = { name: "glance", password: settings.glancePassword, type: "image", url: glance };
  const [identity] = await bench.together(
    (async () => {
      if (fresh) {
        bench.say("keystone: making its database");
        await bench.run("keystone-manage", ["--config-file", keystoneFile, "db_sync"]);
      }
      await bench.start("keystone", keystoneCommand(settings.ports.keystone), {
        // Not `--pyargv`, which would split a path at its spaces.
        OS_KEYSTONE_CONFIG_DIR: join(bench.folder, "keystone"),
        OS_KEYSTONE_CONFIG_FILES: "keystone.conf",
      });
      if (fresh) {
        await bench.run("keystone-manage", ["--config-file", keystoneFile, ...bootstrapArguments(settings)], {
          variables: { OS_BOOTSTRAP_PASSWORD: settings.adminPassword },
        });
      }
      await bench.ready("keystone", `${endpoints(settings).keystone}`);
      const identity = await Identity.login(settings);
      await identity.describe(settings, [own, ...accounts]);
      return identity;
    })(),
    (async () => {
      if (fresh) {
        bench.say("glance: making its database");
        await bench.run("glance-manage", ["--config-file", glanceFile, "db_sync"]);
      }
      await bench.start("glance", ["glance-api", "--config-file", glanceFile]);
      await bench.ready("glance", `${glance}/healthcheck`);
    })(),
  );
  return identity;
}

/** Folders, keys, and empty databases. */
async function prepare(bench: Workbench): Promise<void> {
  const folders = [
    ...["keystone/fernet", "keystone/credential", "keystone/policy.d"],
    ...["glance/images", "glance/staging", "glance/tasks", "glance/lock", "glance/policy.d"],
  ];
  for (const path of folders) await mkdir(join(bench.folder, path), { recursive: true, mode: 0o700 });
  for (const path of ["keystone/policy.yaml", "glance/policy.yaml"]) {
    await bench.write(path, "# The built-in rules.\n");
  }
  for (const repository of ["fernet", "credential"]) await makeKeys(join(bench.folder, "keystone", repository));
  // In WAL mode: else Keystone answers 500 "database is locked" every few requests.
  const files = [join(bench.folder, "keystone/keystone.db"), join(bench.folder, "glance/glance.db")];
  const script = "import sqlite3, sys\nfor f in sys.argv[1:]: sqlite3.connect(f).execute('PRAGMA journal_mode=WAL')";
  await bench.run("python3", ["-c", script, ...files]);
  for (const file of files) await chmod(file, 0o600);
}
