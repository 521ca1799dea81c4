/**
 * How Packer signs in to a cloud: as this package does, whatever of `OS_*` and clouds.yaml that is. It is told by variables
 * of its own environment, and by files in its scratch folder where it takes nothing else.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cloudSettings } from "../../cloud/settings";
import { toolEnvironment } from "../processes/tool-environment";

const FILES = { authorities: "cloud-ca.pem", cert: "cloud-cert.pem", key: "cloud-key.pem" } as const;

/** The variables. @param folder where {@link writeCloudFiles} has written */
export function cloudVariables(environment: NodeJS.ProcessEnv, folder: string): NodeJS.ProcessEnv {
  const { auth, region, authorities, clientCertificate } = cloudSettings(environment, process.cwd());
  const own = Object.entries(auth).filter(([, value]) => value !== undefined);
  return {
    ...toolEnvironment(environment, true),
    ...Object.fromEntries(own.map(([name, value]) => [`OS_${name.toUpperCase()}`, value])),
    ...(region && { OS_REGION_NAME: region }),
    ...(authorities && { OS_CACERT: join(folder, FILES.authorities) }),
    ...(clientCertificate && { OS_CERT: join(folder, FILES.cert), OS_KEY: join(folder, FILES.key) }),
  };
}

/** Writes what Packer reads as files: certificates, and a client's key. */
export async function writeCloudFiles(environment: NodeJS.ProcessEnv, folder: string): Promise<void> {
  const { authorities, clientCertificate } = cloudSettings(environment, process.cwd());
  const texts = { authorities: authorities?.join("\n"), ...clientCertificate };
  for (const [name, file] of Object.entries(FILES)) {
    const text = texts[name as keyof typeof FILES];
    if (text !== undefined) await writeFile(join(folder, file), `${text}\n`, { mode: 0o600 });
  }
}

/** What of a sign-in must not be shown. */
export function cloudSecrets(environment: NodeJS.ProcessEnv): string[] {
  const { password, token, application_credential_secret: secret } = cloudSettings(environment, process.cwd()).auth;
  return [password, token, secret].filter((each) => each !== undefined);
}
