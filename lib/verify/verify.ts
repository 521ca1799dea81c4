/**
 * "Is it VISA-ready?": boots overlays of a disk as VISA would, and runs the contract against them. The disk itself is
 * only read.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CONTRACT, type ContractPart, VERIFIER_VERSION, type VerifyProfile } from "../contract";
import { VisaImageError } from "../errors";
import { tailOf } from "../runner/output/tail";
import type { DiskFormat } from "../specification";
import { BOOT_CHECKS, BOOT_SECONDS, ODD_NAME } from "./checks/boot-checks";
import { type BootName, type Check, NotApplicable, Subject } from "./checks/check";
import { DESKTOP_CHECKS } from "./checks/desktop-checks";
import { HYGIENE_CHECKS } from "./checks/hygiene-checks";
import { JUPYTER_CHECKS } from "./checks/jupyter-checks";
import { LOGIN_CHECKS } from "./checks/login-checks";
import { TestInstance, type TestInstanceOptions } from "./instance/test-instance";
import { makeTokenKeyPair } from "./token";
import { type Finding, junit, REPORT_FILE, type VerifyReport } from "./verify-report";

/** So much of a console is kept as evidence. */
const EVIDENCE_BYTES = 16 << 20;

/** A script of a template that has to succeed in the guest: exit code 0 passes, 77 says that it does not apply. */
export interface OwnCheck {
  readonly name: string;
  readonly script: string;
}

/** What to verify. */
export interface VerifyOptions {
  readonly disk: string;
  readonly format: DiskFormat;
  /** Of its contents, for the report: {@link import("../runner/cache/disk-digest").digestDisk}. */
  readonly digest: string;
  /** Hex SHA-512 of the file's bytes, which is computed while the guest boots. */
  readonly sha512: Promise<string>;
  readonly template: string;
  readonly fingerprint: string;
  readonly profile: VerifyProfile;
  /** The parts of the contract that the template promises. */
  readonly parts: readonly ContractPart[];
  /** @default none */
  readonly checks?: readonly OwnCheck[];
  /** The boot command of the `main` boot. */
  readonly bootCommand: string;
  readonly accelerator: "kvm" | "tcg";
  /** Where the instances live, and go from. */
  readonly scratch: string;
  /** Where report and evidence stay. Made if it is missing. */
  readonly reports: string;
  /** Called as things happen. */
  readonly onMessage?: (text: string) => void;
}

/** The original's boot command: creates the user, and leaves the key to the image. */
const ORIGINAL_BOOT_COMMAND = `#!/bin/bash
owner=$(cloud-init query ds.meta_data.meta.owner)
useradd -m -s /bin/bash "$owner"
`;

const CHECKS: Readonly<Record<ContractPart, readonly Check[]>> = {
  boot: BOOT_CHECKS,
  desktop: DESKTOP_CHECKS,
  login: LOGIN_CHECKS,
  jupyter: JUPYTER_CHECKS,
  hygiene: HYGIENE_CHECKS,
};

/** Runs the contract, and writes report.json, junit.xml and the evidence into the folder of the reports. */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { profile, parts } = options;
  const began = performance.now();
  const startedAt = new Date().toISOString();
  mkdirSync(options.reports, { recursive: true });
  const findings = new Map<number, Finding>();
  const own: Finding[] = [];
  const note = (finding: Finding) => {
    const before = finding.number === undefined ? undefined : findings.get(finding.number);
    const all = before ? joined(before, finding) : finding;
    if (finding.number === undefined) own.push(all);
    else findings.set(finding.number, all);
    if (finding.verdict === "fail")
      options.onMessage?.(`FAIL ${finding.number ?? ""} ${finding.name}: ${finding.detail}`);
  };

  const wanted = checksOf(parts, profile);
  // The short boots first: `main` ends with the instance switched off.
  for (const boot of ["service", "bare", "ownerless", "main"] as const) {
    const checks = wanted.filter((check) => check.boot === boot);
    if (checks.length === 0 && boot !== "main") continue;
    const scripts = boot === "main" ? (options.checks ?? []) : [];
    await onBoot(
      boot,
      options,
      [...inOrder(checks.filter(({ late }) => !late)), ...scripts, ...inOrder(checks.filter(({ late }) => late))],
      note,
    );
  }

  const all = [...CONTRACT.values()].map(
    ({ number, part, name, elsewhere }): Finding =>
      findings.get(number) ?? {
        ...{ number, name, verdict: "not applicable", seconds: 0 },
        detail:
          part === "cloud"
            ? `not of an image alone: ${elsewhere}`
            : parts.includes(part)
              ? "looked at in the full profile"
              : `the template does not promise "${part}"`,
      },
  );
  const report: VerifyReport = {
    version: 2,
    verifier: VERIFIER_VERSION,
    ...{ template: options.template, fingerprint: options.fingerprint, profile, parts, digest: options.digest },
    sha512: await options.sha512,
    ...{ accelerator: options.accelerator, startedAt, seconds: (performance.now() - began) / 1000 },
    passed: [...all, ...own].every(({ verdict }) => verdict !== "fail"),
    findings: [...all, ...own],
  };
  writeFileSync(join(options.reports, REPORT_FILE), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(join(options.reports, "junit.xml"), junit(report));
  return report;
}

/** What a profile looks at where these parts of the contract are promised. */
export function checksOf(parts: readonly ContractPart[], profile: VerifyProfile): readonly Check[] {
  return parts.flatMap((part) => CHECKS[part]).filter((check) => profile === "full" || check.profile === "gate");
}

/** By their numbers, but those that an open desktop is needed for come after it. */
function inOrder(checks: readonly Check[]): Check[] {
  const rank = ({ assertion }: Check) => (assertion === 17 ? 13.5 : assertion === 12 ? 16.5 : assertion);
  const gate = checks.filter(({ profile }) => profile === "gate").sort((a, b) => rank(a) - rank(b));
  const full = checks.filter(({ profile }) => profile === "full").sort((a, b) => rank(a) - rank(b));
  return [...gate, ...full];
}

async function onBoot(
  boot: BootName,
  options: VerifyOptions,
  checks: readonly (Check | OwnCheck)[],
  note: (finding: Finding) => void,
): Promise<void> {
  const keys = makeTokenKeyPair();
  const folder = join(options.scratch, `verify-${boot}`);
  const settings = bootOptions(boot, options, keys.publicKey);
  const metadata = settings.metadata ?? {};
  options.onMessage?.(`boot "${boot}": ${settings.source ?? "config-drive"}, ${metadata.owner ?? "no owner"}`);
  let failed = false;
  const instance = await TestInstance.boot({ ...settings, folder });
  const fail = async (check: Check | OwnCheck, error: unknown, seconds: number) => {
    note({ ...nameOf(check), verdict: "fail", detail: (error as Error).message, seconds });
    // At once: later the instance may be off, or have gone on.
    if (!failed) await keepEvidence(instance, boot, options.reports);
    failed = true;
  };
  try {
    const began = performance.now();
    const subject = new Subject(boot, instance, metadata, keys, options.reports);
    try {
      await subject.waitForOwner(BOOT_SECONDS);
    } catch (error) {
      for (const check of checks) await fail(check, error, (performance.now() - began) / 1000);
      return;
    }
    for (const check of checks) {
      const start = performance.now();
      const seconds = () => Math.round((performance.now() - start) / 100) / 10;
      options.onMessage?.(`${nameOf(check).number ?? ""} ${nameOf(check).name}`);
      try {
        const detail = "run" in check ? await check.run(subject) : await runOwn(check, subject);
        note({ ...nameOf(check), verdict: "pass", detail: detail ?? "", seconds: seconds() });
      } catch (error) {
        if (error instanceof NotApplicable) {
          note({ ...nameOf(check), verdict: "not applicable", detail: error.message, seconds: seconds() });
        } else await fail(check, error, seconds());
      }
    }
    subject.close();
  } finally {
    if (failed) keepConsole(instance, boot, options.reports);
    await instance.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function bootOptions(boot: BootName, options: VerifyOptions, publicKey: string): Omit<TestInstanceOptions, "folder"> {
  const { disk, format, accelerator } = options;
  const ports = [22, 3389, 4822, 8888];
  const common = { disk, format, accelerator, ports, agent: true } as const;
  // As VISA's API server sends them; see visa-contract.md.
  const instance = {
    ...{ id: "4711", uid: "verify", screenWidth: "1280", screenHeight: "720", keyboardLayout: "en-gb-qwerty" },
    ...{ instruments: "D22", proposals: "9-10-1500" },
  };
  const bake = `mkdir -p /etc/visa
printf '%s' '${publicKey}' > /etc/visa/public.pem
sha256sum < /etc/visa/public.pem > /run/visa-verify/baked`;
  switch (boot) {
    case "main":
      return {
        ...common,
        metadata: { ...instance, owner: "ada.lovelace", pamPublicKey: publicKey },
        userData: options.bootCommand,
        // The root file system has to grow.
        growByGb: 2,
      };
    case "service":
      return {
        ...common,
        source: "metadata-service",
        metadata: { ...instance, owner: "grace" },
        userData: ORIGINAL_BOOT_COMMAND,
        early: bake,
      };
    case "bare":
      return { ...common, metadata: { ...instance, id: "4712", owner: ODD_NAME, pamPublicKey: publicKey } };
    case "ownerless":
      return { ...common, metadata: { ...instance, pamPublicKey: publicKey } };
  }
}

async function runOwn(check: OwnCheck, { guest, owner }: Subject): Promise<string> {
  const script = `export VISA_OWNER='${owner}'\n${check.script}`;
  const { code, stdout, stderr } = await guest.run(script, { timeoutSeconds: 300 });
  const words = (stderr.trim() || stdout.trim()).slice(-500);
  if (code === 77) throw new NotApplicable(words || "its script says so");
  if (code !== 0) throw new VisaImageError(`exit code ${code}${words ? `: ${words}` : ""}`);
  return stdout.trim().split("\n").at(-1) ?? "";
}

function nameOf(check: Check | OwnCheck): { number?: number; name: string } {
  if (!("assertion" in check)) return { name: check.name };
  return { number: check.assertion, name: CONTRACT.get(check.assertion)?.name ?? "" };
}

/** Two looks at one assertion: it fails where one does, and passes where one passes and none fails. */
function joined(before: Finding, after: Finding): Finding {
  const worst = [before, after].find(({ verdict }) => verdict === "fail");
  const best = [before, after].find(({ verdict }) => verdict === "pass");
  const { verdict } = worst ?? best ?? after;
  const details = [before, after].filter((each) => each.verdict === verdict && each.detail).map(({ detail }) => detail);
  return { ...after, verdict, detail: details.join("; "), seconds: before.seconds + after.seconds };
}

/** What a person needs to understand a failure. */
async function keepEvidence(instance: TestInstance, boot: BootName, reports: string): Promise<void> {
  await instance.screenshot(join(reports, `${boot}-screen.png`)).catch(() => {});
  const journal = await instance.guest
    .run("journalctl --boot --no-pager --output=short-monotonic")
    .catch(() => undefined);
  if (journal?.stdout) writeFileSync(join(reports, `${boot}-journal.txt`), journal.stdout);
}

function keepConsole(instance: TestInstance, boot: BootName, reports: string): void {
  writeFileSync(join(reports, `${boot}-console.log`), tailOf(instance.consoleFile, EVIDENCE_BYTES));
}
