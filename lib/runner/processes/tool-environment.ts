/** The environment of the tools: what they need to run, and none of the secrets that the runner's own holds. */

/** Where things are, in which language and time zone, and by what an abandoned tool is known. */
const BASICS = [
  ...["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH"],
  ...["LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TZ", "VISA_IMAGE_RUN"],
  // Which repository git looks at.
  ...["GIT_DIR", "GIT_WORK_TREE", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"],
];

/** How the network is reached, for curl, apt and Packer's downloads; a proxy may hold a password. */
const NETWORK = [
  ...["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]),
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "CURL_HOME", "APT_CONFIG"],
];

/** Those of these variables that are set. */
export function pickVariables(names: readonly string[], environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(names.filter((name) => environment[name]).map((name) => [name, environment[name]]));
}

/**
 * What a tool sees of the runner's environment. Secrets reach it, where it needs one, by a file, its input, or a variable
 * of its own.
 *
 * @param network whether it reaches the network by itself. @default false
 */
export function toolEnvironment(environment: NodeJS.ProcessEnv = process.env, network = false): NodeJS.ProcessEnv {
  return pickVariables(network ? [...BASICS, ...NETWORK] : BASICS, environment);
}
