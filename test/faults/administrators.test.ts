/**
 * Two administrators, each with a checkout of their own, deploy one stack whose state is in a PostgreSQL database: Terraform,
 * the provider, the database, Keystone and Glance are real. The build is the stand-in's.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { App } from "cdktf";
import { EmbeddedCloud } from "../../dev/embedded-cloud/embedded-cloud";
import { Glance } from "../../lib/cloud/glance";
import { credentialsFrom } from "../../lib/cloud/keystone";
import { type Release, readLock } from "../../lib/releases/release-lock";
import { printText } from "../../lib/review/print";
import type { BuildSpecification } from "../../lib/specification";
import { VisaImageStack } from "../../stacks/visa-image";
import { chain } from "../constructs/support";
import {
  cloudEnvironmentOf,
  type RunningTerraform,
  runVisaImage,
  TerraformFolder,
  type TerraformRun,
  useStandIn,
} from "../integration/terraform-support";
import { FULL } from "../support/full";
import { PostgresServer } from "../support/postgres";

jest.setTimeout(300_000);

/** It takes a cloud and a dozen runs of Terraform: a minute. */
const whenFull = FULL ? describe : describe.skip;

const STACK = "visa-image";
const IMAGE = `${STACK}/visa-apps`;
const APPLY = ["apply", "-auto-approve", "-input=false", "-compact-warnings"];
const [first, second, third] = ["1", "2", "3"].map((digit) => chain({ script: `${digit.repeat(12)} 0755` })) as [
  BuildSpecification,
  BuildSpecification,
  BuildSpecification,
];

whenFull("two administrators", () => {
  const scratch = mkdtempSync(join(tmpdir(), "visa-administrators-"));
  const cloud = new EmbeddedCloud(join(scratch, "cloud"));
  const database = new PostgresServer();

  /** One of them: a checkout, and a machine with a cache of its own. */
  class Administrator {
    readonly folder: string;
    readonly environment: Readonly<Record<string, string>>;
    private terraform?: TerraformFolder;

    constructor(name: string) {
      this.folder = join(scratch, name);
      mkdirSync(this.folder);
      this.environment = {
        ...cloudEnvironmentOf(join(scratch, "cloud")),
        ...database.environment,
        VISA_IMAGE_CACHE: join(this.folder, "cache"),
      };
    }

    get lockFile(): string {
      return join(this.folder, "visa-images.lock.json");
    }

    /** By this checkout's lock, the one in use last. */
    get releases(): readonly Release[] {
      return readLock(this.lockFile).images[IMAGE] ?? [];
    }

    /** The stack as `VISA_STATE_BACKEND=pg` has it. */
    synthesize(specification: BuildSpecification): TerraformFolder {
      // A path in an output counts from the folder of cdktf.json, where a person stands.
      const before = process.cwd();
      process.chdir(this.folder);
      try {
        this.addStack(specification);
      } finally {
        process.chdir(before);
      }
      useStandIn(this.stackFolder);
      this.terraform ??= new TerraformFolder(this.stackFolder, this.environment);
      return this.terraform;
    }

    private addStack(specification: BuildSpecification): void {
      const app = new App({ outdir: join(this.folder, "cdktf.out") });
      new VisaImageStack(app, STACK, {
        ...{ template: "visa-apps", specification, lockFile: this.lockFile },
        stateBackend: "pg",
      });
      app.synth();
    }

    startDeploy(specification: BuildSpecification, ...options: string[]): RunningTerraform {
      return this.synthesize(specification).start([...APPLY, ...options]);
    }

    plan(specification: BuildSpecification): string {
      return this.synthesize(specification).run("plan", "-input=false", "-compact-warnings");
    }

    /** Takes over what the other one has committed: the lock. */
    pull(other: Administrator): void {
      copyFileSync(other.lockFile, this.lockFile);
    }

    get stackFolder(): string {
      return join(this.folder, "cdktf.out", "stacks", STACK);
    }
  }

  let ada: Administrator;
  let bob: Administrator;

  beforeAll(async () => {
    await Promise.all([cloud.start(), database.start()]);
    ada = new Administrator("ada");
    bob = new Administrator("bob");
  });
  afterAll(async () => {
    await Promise.all([cloud.reset(), database.stop()]);
    rmSync(scratch, { recursive: true, force: true });
  });

  /** Who went on and who did not, of two deploys at once. */
  async function race(specification: BuildSpecification, ...options: string[]) {
    const both = [ada, bob].map((who) => ({ who, run: who.startDeploy(specification, ...options) }));
    const ended = await Promise.all(both.map(async ({ who, run }) => ({ who, ...(await run.ended) })));
    return ended.sort((a, b) => (a.status ?? 9) - (b.status ?? 9));
  }

  /** Terraform's words without its frames and line breaks. */
  const words = ({ text }: TerraformRun) => text.replaceAll(/[\s│╷╵]+/g, " ");

  const images = async () => {
    const glance = await Glance.connect(credentialsFrom(ada.environment));
    return (await glance.images())
      .map(({ id, os_hidden: hidden }) => ({ id, hidden }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  };
  const visible = async () => (await images()).filter(({ hidden }) => !hidden).map(({ id }) => id);

  /**
   * @fault cloud: two administrators deploy at once, with the state in a PostgreSQL database*
   * @then one goes on, the other one ends at once, or waits (`-lock-timeout`); with the lock of the releases of the first one its plan is empty
   * @says `Error acquiring the state lock`
   */
  test("who deploy at once: one goes on, the other one is told, and has nothing to do afterwards", async () => {
    const [winner, loser] = await race(first);
    expect([winner?.status, loser?.status]).toEqual([0, 1]);
    expect(words(loser as TerraformRun)).toMatch(
      /Error acquiring the state lock .* Lock Info: ID: \S+ Path: .* Who: \S+/,
    );
    loser?.who.pull(winner?.who as Administrator);
    expect(loser?.who.plan(first)).toContain("No changes.");
    expect(await visible()).toEqual([winner?.who.releases.at(-1)?.imageId]);
  });

  test("have no password of the database in what cdktf and Terraform write", () => {
    const files = readdirSync(ada.stackFolder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(json|tfstate|hcl)$/.test(entry.name))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
    expect(
      files.some((text) => text.includes('"schema_name":"visa-image"') || text.includes('"schema_name": "visa-image"')),
    ).toBe(true);
    for (const text of files) expect(text).not.toContain(database.environment.PGPASSWORD);
  });

  test("who may wait: both succeed, one after the other, and one image is made", async () => {
    const before = await images();
    const ended = await race(second, "-lock-timeout=120s");
    expect(ended.map(({ status }) => status)).toEqual([0, 0]);
    const idle = ended.filter(({ text }) => text.includes("0 added, 0 changed, 0 destroyed"));
    expect(idle).toHaveLength(1);
    expect(await images()).toHaveLength(before.length + 1);
    for (const who of [ada, bob]) expect(who.plan(second)).toContain("No changes.");
  });

  /**
   * @fault cloud: an administrator's lock of the releases is behind the state*
   * @then the plan shows the image that would go, `visa-image review` says why, and the deploy ends before it changes anything; after `npx visa-image lock sync` it goes on
   * @says `the lock lacks releases of "…" that Terraform has`
   */
  test("of whom one has an old lock: it is told, and no release is lost", async () => {
    const [behind, ahead] = [ada, bob].sort((a, b) => a.releases.length - b.releases.length) as [
      Administrator,
      Administrator,
    ];
    expect([behind.releases.length, ahead.releases.length]).toEqual([1, 2]);
    const newest = ahead.releases.at(-1) as Release;
    const before = await images();

    const terraform = behind.synthesize(third);
    terraform.run("plan", "-input=false", "-out=plan");
    const review = printText(terraform.review("plan")).replaceAll(/\s+/g, " ");
    expect(review).toContain(`DESTROYED: image visa-apps (${newest.imageId})`);
    expect(review).toContain("the lock does not have this release, which Terraform has");
    const refused = words(terraform.try("apply", "-input=false", "plan"));
    expect(refused).toContain(
      `the lock lacks releases of "${IMAGE}" that Terraform has, and would delete: ${newest.release}`,
    );
    expect(refused).toContain("take the lock that the last deploy wrote (git pull), or run 'npx visa-image lock sync'");
    expect(await images()).toEqual(before);

    expect(runVisaImage(["lock", "sync"], behind.folder, behind.environment).status).toBe(0);
    behind.synthesize(third).run(...APPLY);
    expect(behind.releases).toHaveLength(3);
    expect(await visible()).toEqual([behind.releases.at(-1)?.imageId]);
    expect(await images()).toHaveLength(before.length + 1);
    ahead.pull(behind);
    expect(ahead.plan(third)).toContain("No changes.");
  });

  /**
   * @fault cloud: a deploy with its state in a PostgreSQL database is killed*
   * @then its lock goes with its connection: the next deploy of whoever it is goes on, without `force-unlock`
   */
  test("of whom one is killed: the other one goes on", async () => {
    const fourth = chain({ script: `${"4".repeat(12)} 0755` });
    const run = ada.synthesize(fourth).start(APPLY, { VISA_TEST_HANG_VERIFY: "1" });
    const locks = () => Number(database.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"));
    while (locks() === 0) await sleep(100);
    expect(words(bob.synthesize(fourth).try(...APPLY))).toContain("Error acquiring the state lock");
    process.kill(-run.pid, "SIGKILL");
    await run.ended;
    while (locks() > 0) await sleep(100);
    bob.synthesize(fourth).run(...APPLY);
    expect(await visible()).toEqual([bob.releases.at(-1)?.imageId]);
    ada.pull(bob);
    expect(ada.plan(fourth)).toContain("No changes.");
  });
});
