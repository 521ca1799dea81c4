/**
 * Asks Packer whether it takes the configurations of all that is to be built, before the first of it is: what only a
 * newer Packer knows would else be told when the layers below are done.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ExitCode, type Location, VisaImageError } from "../errors";
import type { InstallerBase, LayerSpecification } from "../specification";
import { show } from "../template/schema";
import type { ValuePath } from "../template/yaml-file";
import { createScratch, removeScratch, type Scratch } from "./cache/scratch";
import { type BuildContext, installationOf, isByCloud } from "./context";
import { writeAccess } from "./guest/guest-access";
import { REPORT_SCRIPT } from "./guest/guest-report";
import { packerCall } from "./makers/packer-layer";
import { pathsOfLines } from "./packer/configuration-lines";
import {
  CONFIGURATION_FILE,
  callEnvironment,
  callVariables,
  installPlugins,
  type PackerCall,
  writeConfiguration,
} from "./packer/packer-call";
import { validationErrors } from "./packer/packer-output";
import { indent } from "./packer/packer-run";
import { isModern } from "./packer/run-configuration";
import type { ServerSource } from "./packer/server-source";
import { relayAddress } from "./packer/ssh-relay";
import { linkFiles } from "./packer/staging";
import type { Prepared } from "./prepared";
import { runTool, runToolOrFail } from "./processes/tools";

/** A server that nobody asks for: Packer looks whether all is said, and whether the cloud takes the sign-in. */
const STAND_IN: ServerSource = {
  ...{ name: "visa-validate", mark: "visa-validate", image: randomUUID(), flavor: randomUUID(), network: randomUUID() },
  ...{ securityGroups: [], endpointType: "public" },
};

/** What an installation reads and is not there yet. */
const MEDIA = ["installer.iso", "kernel", "initrd", "empty.qcow2"];

/**
 * Has Packer validate each configuration as it will be run.
 *
 * @param installer the installer of the base, where that is to be built too
 * @throws VisaImageError, with exit code 2 and Packer's own words, for all that it refuses
 */
export async function validateConfigurations(
  context: BuildContext,
  prepared: Prepared,
  layers: readonly LayerSpecification[],
  installer: InstallerBase | undefined,
): Promise<void> {
  const scratch = await createScratch(context.cache, "validate");
  try {
    const onLine = () => {};
    await writeAccess("config-drive", scratch.path, "validate", (command, args, { cwd } = {}) =>
      runToolOrFail(command, args, { directory: cwd ?? scratch.path, onLine }),
    );
    const calls: PackerCall[] = layers.map((layer) => ({
      ...packerCall(context, prepared, scratch, layer),
      // The other way into a guest changes nothing that a template has said.
      access: "config-drive",
      ...(isByCloud(context, layer) && { server: STAND_IN }),
    }));
    if (installer) {
      const call = packerCall(context, prepared, scratch, installationOf(context, installer));
      calls.unshift({ ...call, installerTimeout: installer.timeout });
    }
    const folders = await Promise.all(calls.map((call, i) => makeFolder(context, call, scratch, String(i))));
    if (isModern(prepared.tools.packer ?? "")) {
      // One after the other: they install into one folder.
      for (const [i, call] of calls.entries()) await installPlugins(call, folders[i] as string, onLine);
    }
    const answers = calls.map((call, i) => validate(call, context.directory, folders[i] as string));
    const refused = (await Promise.all(answers)).flat();
    if (refused.length > 0) throw refusal(refused, prepared.tools.packer ?? "");
  } finally {
    await removeScratch(scratch);
  }
}

/** A folder with the configuration, and with all that Packer looks for by its name. */
async function makeFolder(context: BuildContext, call: PackerCall, scratch: Scratch, name: string): Promise<string> {
  const folder = join(scratch.path, name);
  await mkdir(folder);
  await linkFiles(call.layer, context.directory, folder);
  for (const file of ["build-key", "seed"]) await symlink(join(scratch.path, file), join(folder, file));
  for (const file of ["build-ca.crt", REPORT_SCRIPT, ...(call.access ? [] : MEDIA)]) {
    await writeFile(join(folder, file), "");
  }
  await writeConfiguration(call, relayAddress(), folder);
  return folder;
}

/** What Packer says of a configuration that it refuses. */
interface Refused {
  /** The template's name, or "base". */
  readonly name: string;
  readonly lines: readonly string[];
  /** Where the first thing that is wrong stands, if that is known. */
  readonly place?: Location;
}

/** Nothing where Packer takes it. */
async function validate(call: PackerCall, specificationFolder: string, directory: string): Promise<Refused[]> {
  const lines: string[] = [];
  const { code } = await runTool("packer", ["validate", ...callVariables(call), CONFIGURATION_FILE], {
    environment: callEnvironment(call),
    directory,
    masker: call.masker,
    onLine: (line) => lines.push(line),
  });
  if (code === 0) return [];
  const paths = pathsOfLines(JSON.parse(await readFile(join(directory, CONFIGURATION_FILE), "utf8")));
  const found: Location[] = [];
  const shown = validationErrors(lines, (line) => {
    const place = placeAt(call.layer, paths[line - 1] ?? []);
    if (!place) return undefined;
    // As the rest of a person's errors have it.
    const own = { ...place, file: resolve(specificationFolder, place.file) };
    found.push(own);
    return `${own.file}:${own.line ?? 1}`;
  });
  return [{ name: call.layer.name, lines: shown, place: found[0] }];
}

/** The place of the closest thing around a path that is the template's own. */
function placeAt({ places = {} }: LayerSpecification, path: ValuePath): Location | undefined {
  for (let length = path.length; length > 0; length--) {
    const place = places[show(path.slice(0, length))];
    if (place) return place;
  }
  return undefined;
}

function refusal(refused: readonly Refused[], version: string): VisaImageError {
  const what = refused.map(
    ({ name, lines }) => `Packer ${version} refuses the configuration of "${name}":\n${indent(lines)}`,
  );
  const [first] = refused;
  // Packer breaks its lines at 78 characters.
  const key = /No argument or block type is named "([^"]+)"/.exec(first?.lines.join(" ") ?? "")?.[1];
  return new VisaImageError(what.join("\n"), {
    location: first?.place,
    fix: key
      ? `remove "${key}" from the manifest of "${first?.name}", or put a Packer on PATH that knows it`
      : `correct the manifest of "${first?.name}"`,
    exitCode: ExitCode.USAGE,
  });
}
