/** The pipelines of docs/ci.md: each step is bash, and the review's step does what the guide says. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { planFile } from "../review/support";
import { compileCommand } from "../runner/support/command";
import { scratchFolder } from "../support/scratch";

jest.setTimeout(60_000);

const read = (name: string) => parse(readFileSync(join("examples", "ci", name), "utf8"));

/** A pipeline's steps, as its shell gets them. */
function steps(name: string): string[] {
  const pipeline = read(name);
  if (name === "gitlab-ci.yml") {
    const jobs = [pipeline.default, pipeline.plan, pipeline.deploy];
    return jobs.flatMap((job) => ["before_script", "script", "after_script"].flatMap((key) => job[key] ?? []));
  }
  const jobs = Object.values<{ steps: { run?: string }[] }>(pipeline.jobs);
  return jobs.flatMap((job) => job.steps.flatMap(({ run }) => run ?? []));
}

const FORGES = ["gitlab-ci.yml", "github-actions.yml"];

test.each(FORGES)("%s: every step is bash", (name) => {
  expect(steps(name).length).toBeGreaterThan(8);
  for (const step of steps(name)) {
    expect([step, spawnSync("bash", ["-n", "-c", step], { encoding: "utf8" }).stderr]).toEqual([step, ""]);
  }
});

test.each(FORGES)("%s: what is deployed is the plan that was reviewed, after the review", (name) => {
  const all = steps(name);
  const at = (part: string) => all.findIndex((step) => step.includes(part));
  expect(at("plan -input=false -out=plan")).toBeLessThan(at("visa-image review"));
  expect(at("visa-image review")).toBeLessThan(at("apply -input=false plan"));
  expect(all.filter((step) => /terraform.* (plan|apply) /.test(step) && !step.includes("review"))).toHaveLength(2);
  const { deploy } = name === "gitlab-ci.yml" ? read(name) : read(name).jobs;
  expect([deploy.needs].flat()).toEqual(["plan"]);
});

test.each(FORGES)("%s: the review's step ends with 5 for what is lost, with 0 once the file names it", (name) => {
  const folder = scratchFolder();
  const tools = join(folder, "bin");
  mkdirSync(tools);
  const tool = (file: string, script: string) => {
    writeFileSync(join(tools, file), `#!/bin/sh\n${script}\n`);
    chmodSync(join(tools, file), 0o755);
  };
  tool("terraform", `exec cat ${planFile("release")}`);
  tool("npx", `shift; exec "${process.execPath}" "${compileCommand()}" "$@"`);
  tool("curl", `printf '%s\\n' "$@" > curl.txt`);
  const step = steps(name).find((each) => each.includes("visa-image review")) as string;
  const environment = { STACK: "desktops", GITHUB_STEP_SUMMARY: join(folder, "summary.md"), CI_MERGE_REQUEST_IID: "7" };
  const run = (allowed: string) => {
    writeFileSync(join(folder, "visa-allowed.txt"), allowed);
    const env = { ...process.env, ...environment, PATH: `${tools}:${process.env.PATH}`, VISA_IMAGE_CACHE: folder };
    const { status, stderr } = spawnSync("bash", ["-eo", "pipefail", "-c", step], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    return { status, stderr, review: readFileSync(join(folder, "review.md"), "utf8") };
  };
  expect(run("# what may be lost\n")).toMatchObject({
    ...{ status: 5, stderr: "" },
    review: expect.stringMatching(/^\*\*TO BE JUDGED: 1 instance is REPLACED/),
  });
  expect(run("# what may be lost\nopenstack_compute_instance_v2.trial_6BBBC3DD\n")).toMatchObject({
    ...{ status: 0, stderr: "" },
    review: expect.stringMatching(/^\*\*Named by --allow: 1 instance is REPLACED/),
  });
  const said = name === "gitlab-ci.yml" ? join(folder, "curl.txt") : join(folder, "summary.md");
  expect(readFileSync(said, "utf8")).toContain(name === "gitlab-ci.yml" ? "body@review.md" : "Named by --allow");
});
