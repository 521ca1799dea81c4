/**
 * What `#cdktf` is when code runs (package.json, "imports"): cdktf, or cdktn, its continuation, where the project has that
 * alone. The types are those of the same one. The bindings in providers/openstack have a copy of this file.
 */
function framework(): typeof import("cdktf") {
  try {
    return require("cdktf");
  } catch (error) {
    if (!isMissing(error, "cdktf")) throw error;
  }
  try {
    return require("cdktn");
  } catch (error) {
    if (!isMissing(error, "cdktn")) throw error;
  }
  throw new Error("neither cdktn nor cdktf is installed here: npm install cdktn constructs");
}

/** Whether the package itself is missing, and not something that it asks for. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "MODULE_NOT_FOUND" && message.startsWith(`Cannot find module '${name}'`);
}

export = framework();
