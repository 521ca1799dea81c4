/**
 * The original's flow and ours, side by side: the same template tree, the same starting disk, the same Glance, one after
 * the other. Where a choice is open it is the original's favour (original-flow.sh).
 */
import { createHash } from "node:crypto";
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedCloud } from "../dev/embedded-cloud/embedded-cloud";
import { Glance } from "../lib/cloud/glance";
import { credentialsFrom } from "../lib/cloud/keystone";
import { VisaImageError } from "../lib/errors";
import { packageRoot } from "../lib/package-root";
import { asSeenFromGuest, hostDebianMirror } from "../lib/runner/host/mirror";
import { cloudEnvironmentOf } from "../test/integration/terraform-support";
import { packmePrograms } from "../test/support/packme";
import { type Measured, measure } from "./measure";
import { type Span, Stopwatch, secondsOf } from "./stopwatch";
import { mib, seconds, table } from "./table";

const BENCH = join(packageRoot(), "bench");
const PASSWORD = "bench";

/** One flow in one step. */
interface Run extends Measured {
  /** When Packer or qemu-img ran. */
  readonly tools: readonly Span[];
  /** Seconds of that. */
  readonly toolSeconds: number;
  /** Seconds of uploads. */
  readonly uploadSeconds: number;
  /** Bytes that Glance took. */
  readonly bytesSent: number;
}

/** One step, in both flows. */
interface Row {
  readonly what: string;
  readonly original?: Run;
  readonly ours: Run;
}

/** Runs all steps, and returns the tables. @param scratch an empty folder */
export async function sideBySide(scratch: string): Promise<string> {
  const cloud = new EmbeddedCloud(join(scratch, "cloud"), { say });
  await cloud.start();
  try {
    return await new SideBySide(scratch, await startingDisk(scratch)).run();
  } finally {
    await cloud.reset();
  }
}

function say(text: string): void {
  process.stderr.write(`[${new Date().toISOString().slice(11, 19)}] ${text}\n`);
}

/** A bootable Debian that both flows can log in to: bootstrapped by us, since the original's installer is gone. */
async function startingDisk(scratch: string): Promise<{ file: string; sha256: string }> {
  say("making the starting disk (not measured)");
  const output = join(scratch, "start");
  const cache = join(scratch, "start-cache");
  const args = ["build", "start", "--catalog", join(BENCH, "start"), "--format", "qcow2", "--cache", cache];
  await measure(["node", join(packageRoot(), "dist/lib/cli/main.js"), ...args, "--output", output], {
    ...{ cwd: scratch, folder: scratch, name: "starting-disk" },
    env: { ...process.env, VISA_ROOT_PASSWORD: PASSWORD },
  });
  rmSync(cache, { recursive: true });
  const file = join(output, "start.qcow2");
  return { file, sha256: createHash("sha256").update(readFileSync(file)).digest("hex") };
}

class SideBySide {
  private readonly original: string;
  private readonly ours: string;
  private readonly stopwatch: Stopwatch;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly rows: Row[] = [];
  private count = 0;

  constructor(
    private readonly scratch: string,
    disk: { file: string; sha256: string },
  ) {
    const mirror = hostDebianMirror();
    if (!mirror) throw new VisaImageError("no mirror of Debian is known", { fix: "run the bench on Debian" });
    this.original = join(scratch, "original");
    this.ours = join(scratch, "ours");
    for (const folder of [this.original, this.ours]) cpSync(join(BENCH, "tree"), folder, { recursive: true });
    writeFileSync(
      join(this.ours, "cdktf.json"),
      JSON.stringify({
        language: "typescript",
        app: `node ${join(packageRoot(), "dist/bench/app.js")}`,
        projectId: "bench",
        sendCrashReports: "false",
      }),
    );
    mkdirSync(join(scratch, "logs"));
    this.stopwatch = new Stopwatch(join(scratch, "stopwatch"));
    this.environment = {
      ...process.env,
      ...cloudEnvironmentOf(join(scratch, "cloud")),
      PATH: this.stopwatch.path(process.env.PATH ?? ""),
      headless: "true",
      root_password: PASSWORD,
      VISA_ROOT_PASSWORD: PASSWORD,
      start_disk: disk.file,
      start_sha256: disk.sha256,
      mirror: asSeenFromGuest(mirror),
      VISA_IMAGE_CACHE: join(scratch, "cache"),
      CHECKPOINT_DISABLE: "1",
    };
  }

  async run(): Promise<string> {
    const first = await this.step("1. first build and registration of three layers");
    const nothing = await this.step("2. again, nothing changed");
    this.change("visa-apps/scripts/application.sh");
    this.discard("visa-apps");
    const script = await this.step("3. the last layer's script changed");
    this.change("system-base/scripts/system.sh");
    this.discard("system-base", "visa-base", "visa-apps");
    await this.step("4. one line in the first layer changed");
    this.add("visa-imaging");
    const second = await this.step("5. a second image on the same base", { images: ["visa-apps", "visa-imaging"] });
    const qcow2 = { images: ["visa-apps", "visa-imaging"], format: "qcow2" };
    await this.step("both images as qcow2 instead of raw", { ...qcow2, original: undefined });
    // The original has no other format: what it took for the same change.
    this.change("visa-apps/scripts/application.sh");
    await this.step("3. the same, as qcow2", { ...qcow2, original: script.original });
    this.add("visa-viewing");
    const third = { ...qcow2, images: [...qcow2.images, "visa-viewing"] };
    await this.step("5. the same, as qcow2", { ...third, original: second.original });
    const base = this.makingBase();
    return [
      this.times(),
      this.bytes(),
      shareTable(first.ours, nothing.ours, base),
      goals({ first, nothing: nothing.ours, script: script.ours, second: second.ours }, base),
    ].join("\n\n");
  }

  /** A line at the end of a script, in both trees. */
  private change(script: string): void {
    for (const folder of [this.original, this.ours]) {
      appendFileSync(join(folder, "templates", script), "true # changed\n");
    }
  }

  /** One more template, in both trees. */
  private add(template: string): void {
    for (const folder of [this.original, this.ours]) {
      cpSync(join(BENCH, "tree", "second", "visa-imaging"), join(folder, "templates", template), { recursive: true });
      // What is the same as another one is not built.
      appendFileSync(join(folder, "templates", template, "scripts", "application.sh"), `true # ${template}\n`);
      appendFileSync(join(folder, "config.yml"), `  ${template}:\n    extends: visa-base\n`);
    }
  }

  /** What a person does who knows what changed: packme skips a template that has been built. */
  private discard(...templates: readonly string[]): void {
    for (const template of templates) rmSync(join(this.original, "templates", template, "builds"), { recursive: true });
  }

  /** @param options `original`: what it took, where it is not to be run */
  private async step(
    what: string,
    options: { readonly images?: readonly string[]; readonly format?: string; readonly original?: Run } = {},
  ): Promise<Row> {
    const { images = ["visa-apps"], format = "raw" } = options;
    const original = "original" in options ? options.original : await this.runOriginal(what, images.at(-1) as string);
    const ours = await this.flow("ours", what, this.ours, DEPLOY, {
      BENCH_TEMPLATES: images.join(","),
      // The tree's images are none for VISA; what the gate takes is in the demo's table.
      BENCH_VERIFY: "false",
      BENCH_FORMAT: format,
    });
    const row = { what, original, ours };
    this.rows.push(row);
    return row;
  }

  private async runOriginal(what: string, template: string): Promise<Run> {
    const run = await this.flow(
      "original",
      what,
      this.original,
      [join(BENCH, "original-flow.sh"), template, `original ${template}`],
      { PATH: `${packmePrograms()}:${this.environment.PATH}` },
    );
    rmSync(join(this.original, `${template}.raw`));
    return run;
  }

  private async flow(
    flow: "original" | "ours",
    what: string,
    cwd: string,
    command: readonly string[],
    environment: NodeJS.ProcessEnv,
  ): Promise<Run> {
    // What one flow left to be written is not the next one's.
    await measure(["sync"], { cwd, folder: join(this.scratch, "logs"), name: "sync" });
    say(`${what}: ${flow}`);
    this.stopwatch.read();
    const before = new Set((await this.images()).map(({ id }) => id));
    const measured = await measure(command, {
      ...{ cwd, folder: join(this.scratch, "logs"), name: `${++this.count}-${flow}` },
      env: { ...this.environment, ...environment },
    });
    const sent = (await this.images()).filter(({ id }) => !before.has(id));
    const tools = this.stopwatch.read();
    const run = {
      ...measured,
      tools,
      toolSeconds: secondsOf(tools),
      uploadSeconds: uploads(measured.text),
      bytesSent: sent.reduce((sum, { size }) => sum + Number(size ?? 0), 0),
    };
    say(`  ${seconds(run.seconds)}, ${mib(run.bytesWritten)} written, ${mib(run.bytesSent)} sent`);
    return run;
  }

  private async images() {
    return (await Glance.connect(credentialsFrom(this.environment))).images();
  }

  private times(): string {
    const rows = this.rows.map(({ what, original, ours }) => [
      what,
      original ? seconds(original.seconds) : "–",
      seconds(ours.seconds),
      original ? (ours.seconds / original.seconds).toFixed(2) : "–",
    ]);
    return table(["step", "original", "ours", "ratio"], rows);
  }

  private bytes(): string {
    const cells = (run?: Run) => (run ? [mib(run.bytesWritten), mib(run.bytesSent)] : ["–", "–"]);
    return table(
      ["6. bytes", "original: written", "sent to Glance", "ours: written", "sent to Glance"],
      this.rows.map(({ what, original, ours }) => [what, ...cells(original), ...cells(ours)]),
    );
  }

  /** When the base was made of the starting disk, by the log of it. */
  private makingBase(): Span {
    const logs = join(this.scratch, "cache", "logs");
    const name = readdirSync(logs).find((file) => /^[\d-]+T\d+-base-/.test(file));
    if (!name) throw new VisaImageError(`no log in "${logs}" is that of the base`);
    const lines = readFileSync(join(logs, name), "utf8").trim().split("\n");
    const time = (line = "") => Date.parse(line.split(" ")[0] ?? "") / 1000;
    return [time(lines[0]), time(lines.at(-1))];
  }
}

/** Step 9: what is neither Packer, QEMU, qemu-img nor an upload. */
function shareTable(first: Run, nothing: Run, base: Span): string {
  const rows: [string, number][] = [
    ["all of it", first.seconds],
    ["Packer and qemu-img (QEMU in them)", first.toolSeconds],
    ["upload, by the provider", first.uploadSeconds],
    ["all else: cdktf, Terraform, the runner", ownSeconds(first)],
    ["of that, making the base of the starting disk", ownSecondsIn(first, base)],
    ["of that, what a deploy without changes takes", nothing.seconds],
  ];
  return table(
    ["9. our share of the first deploy", "seconds", "share"],
    rows.map(([what, each]) => [what, seconds(each), percent(each, first.seconds)]),
  );
}

/** The part of a span in which neither Packer nor qemu-img ran; nothing is uploaded in it. */
function ownSecondsIn({ tools }: Run, span: Span): number {
  return secondsOf([span]) - secondsOf(tools, span);
}

/** Our share of a deploy, the making of its base apart. */
function shareBeside(run: Run, base: Span): number {
  return (ownSeconds(run) - ownSecondsIn(run, base)) / (run.seconds - secondsOf([base]));
}

/** What neither Packer, QEMU, qemu-img nor an upload took. */
function ownSeconds({ seconds, toolSeconds, uploadSeconds }: Run): number {
  return seconds - toolSeconds - uploadSeconds;
}

type Goal = [goal: string, asked: string, measured: string, met: boolean];

/** What was asked of each step, and whether it is so. */
function goals(
  { first, nothing, script, second }: { first: Row; nothing: Run; script: Run; second: Run },
  base: Span,
): string {
  const original = first.original?.seconds ?? 0;
  const bound = ({ toolSeconds, uploadSeconds }: Run) => toolSeconds + uploadSeconds + 10;
  const share = shareBeside(first.ours, base);
  const untouched = nothing.bytesSent === 0 && nothing.bytesWritten < 2 ** 20;
  const rows: Goal[] = [
    [
      "1, without the gate",
      `${seconds(original)} (original)`,
      seconds(first.ours.seconds),
      first.ours.seconds <= original,
    ],
    [
      "2",
      "5 s, nothing written or sent",
      `${seconds(nothing.seconds)}, ${mib(nothing.bytesWritten)}, ${mib(nothing.bytesSent)}`,
      nothing.seconds < 5 && untouched,
    ],
    ...([script, second] as const).map(
      (run, i): Goal => [
        `${i ? 5 : 3}, Packer and qemu-img + upload + 10 s`,
        seconds(bound(run)),
        seconds(run.seconds),
        run.seconds <= bound(run),
      ],
    ),
    ["9, the base apart", "3 %", percent(share, 1), share < 0.03],
  ];
  return table(
    ["goal", "at most", "measured", ""],
    rows.map(([goal, asked, measured, met]) => [goal, asked, measured, met ? "met" : "missed"]),
  );
}

const DEPLOY = [
  join(packageRoot(), "node_modules", ".bin", "cdktf"),
  ...["deploy", "bench", "--auto-approve", "--skip-provider-lock"],
];

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}

/** Seconds that Terraform says its images took. */
function uploads(text: string): number {
  return [...text.matchAll(/openstack_images_image_v2\.\S+: Creation complete after (?:(\d+)m)?(\d+)s/g)]
    .map(([, minutes, rest]) => Number(minutes ?? 0) * 60 + Number(rest))
    .reduce((sum, each) => sum + each, 0);
}
