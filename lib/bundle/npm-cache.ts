/** The cache of npm that a project is installed from without a registry: npm itself fills it, by package-lock.json alone. */
import { copyFile, mkdir, readdir, readFile, realpath, rm, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { usageError, VisaImageError } from "../errors";
import { exists } from "../presence";
import { NPM_CACHE } from "./lock";
import { type PlannedFile, planFile } from "./planned-file";
import { runProgram } from "./run-program";

/** Without scripts: nothing of a package is run to fetch it. */
const INSTALL = [
  "ci",
  "--include=dev",
  "--include=optional",
  "--include=peer",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  // Where npm was told to be silent, it would not say why it fails.
  "--loglevel=notice",
];
/** What npm keeps below its cache; logs lie beside it. */
const CONTENTS = "_cacache";

/**
 * Has npm install the project once more, elsewhere, with an empty cache: what it then has is what the same install needs,
 * each package checked against package-lock.json.
 *
 * @param project the folder of package-lock.json
 * @param scratch an empty folder
 */
export async function npmCache(project: string, scratch: string, signal: AbortSignal): Promise<PlannedFile> {
  const cache = join(scratch, "cache");
  const folder = await copyOfProject(await realpath(project), join(scratch, "root"));
  await runProgram("npm", [...INSTALL, "--cache", cache], {
    directory: folder,
    environment: withoutCallersNpm(process.env),
    signal,
    fix: "see that npm ci works in the project",
  });
  await rm(join(scratch, "root"), { recursive: true });
  await refuseCredentials(join(cache, CONTENTS, "index-v5"));
  const file = join(scratch, NPM_CACHE);
  const order = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];
  await runProgram("tar", ["--create", "--file", file, ...order, "--directory", cache, CONTENTS], { signal });
  await rm(cache, { recursive: true });
  return planFile(NPM_CACHE, file);
}

/** npm hands its own settings down to what npx runs, by which an npm below it finds another project. */
export function withoutCallersNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inherited = /^npm_(package_|lifecycle_|config_(local_prefix|prefix|noproxy)$|command$|execpath$)/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !inherited.test(name)));
}

/** What `npm ci` reads of a project, at the same path below another root: tarballs are named relative to it. */
async function copyOfProject(project: string, root: string): Promise<string> {
  const lockFile = join(project, "package-lock.json");
  const text = await readFile(lockFile, "utf8").catch((cause) => {
    throw usageError("there is no package-lock.json", { file: project }, "npm install makes it: commit it", cause);
  });
  const { packages = {} } = JSON.parse(text) as {
    packages?: Record<string, { resolved?: string; link?: true; inBundle?: true; integrity?: string }>;
  };
  const put = async (path: string, how: (from: string, to: string) => Promise<void>) => {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    if (!(await exists(target))) await how(path, target);
  };
  for (const [key, { resolved = "", link }] of Object.entries(packages)) {
    // A folder of the project, or beside it: it is npm's word for what is linked and not installed.
    if (!key.includes("node_modules/")) await put(resolve(project, key, "package.json"), copyFile);
    if (!link && resolved.startsWith("file:")) await put(resolve(project, resolved.slice("file:".length)), symlink);
  }
  await put(lockFile, copyFile);
  const settings = join(project, ".npmrc");
  if (await exists(settings)) await put(settings, copyFile);
  return join(root, project);
}

/** npm's cache remembers addresses, and no headers of requests: only an address may have a password. */
async function refuseCredentials(index: string): Promise<void> {
  for (const entry of await readdir(index, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const text = await readFile(join(entry.parentPath, entry.name), "utf8");
    if (!/https?:\/\/[^/"\s]*@/.test(text)) continue;
    throw new VisaImageError("the address of npm's registry has a password, which would be in the archive", {
      fix: "give it to npm as a token, not in the address: npm login, or //<registry>/:_authToken in ~/.npmrc",
    });
  }
}
