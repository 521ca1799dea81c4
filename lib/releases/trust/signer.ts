/** The key that an operator signs releases with: a file, or a command that stands for a token or a KMS. */
import { spawn } from "node:child_process";
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Environment } from "../../cloud/proxy";
import { ExitCode, usageError, VisaImageError } from "../../errors";
import { checkKey, hashOf, publicKeys, type Signer } from "./dsse";

/** How long a command may take to sign, in milliseconds: a person may have to touch a token. */
const LONGEST_SIGNING = 120_000;

/** Most bytes that a command may print: a signature has some hundred. */
const LONGEST_SIGNATURE = 4096;

/**
 * Who signs by the environment; nobody where it names neither a key nor a command.
 *
 * `VISA_SIGNING_KEY_FILE` is a private key in PEM, with `VISA_SIGNING_PASSPHRASE_FILE` where it is encrypted.
 * `VISA_SIGNING_COMMAND` is a shell command that gets the message on its standard input, and its hex SHA-256 as
 * `VISA_SIGNING_SHA256` (SHA-384 as `VISA_SIGNING_SHA384` for a key of P-384), and prints the signature: DER, or r and s
 * one after the other, as bytes or in base64. It needs `VISA_SIGNING_PUBLIC_KEY_FILE`.
 *
 * @throws VisaImageError (exit code 2) for a key that cannot be used
 */
export function signerFrom(environment: Environment): Signer | undefined {
  const { VISA_SIGNING_KEY_FILE: file, VISA_SIGNING_COMMAND: command } = environment;
  if (file && command) {
    throw usageError("VISA_SIGNING_KEY_FILE does not go with VISA_SIGNING_COMMAND", undefined, "set one of them");
  }
  if (file) return keySigner(readKey(file, environment));
  return command ? commandSigner(command, environment) : undefined;
}

/** The private key of `VISA_SIGNING_KEY_FILE`; nothing where that names none. @throws as {@link signerFrom} */
export function readSigningKey(environment: Environment): KeyObject | undefined {
  const { VISA_SIGNING_KEY_FILE: file } = environment;
  return file ? readKey(file, environment) : undefined;
}

function keySigner(key: KeyObject): Signer {
  return {
    publicKey: createPublicKey(key),
    sign: async (message) => sign(hashOf(key), message, { key, dsaEncoding: "der" }),
  };
}

function readKey(file: string, { VISA_SIGNING_PASSPHRASE_FILE: secret }: Environment): KeyObject {
  const pem = readText(file, "VISA_SIGNING_KEY_FILE");
  const passphrase = secret ? readText(secret, "VISA_SIGNING_PASSPHRASE_FILE").replace(/\r?\n$/, "") : undefined;
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, passphrase });
  } catch (cause) {
    const locked = /ENCRYPTED/.test(pem);
    // OpenSSL's own words say nothing of the key.
    const { code } = cause as NodeJS.ErrnoException;
    throw new VisaImageError(`the signing key "${file}" cannot be read${code ? ` (${code})` : ""}`, {
      fix: locked
        ? "let VISA_SIGNING_PASSPHRASE_FILE name a file with its passphrase"
        : "give a private key in PEM: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out signing.pem",
      exitCode: ExitCode.USAGE,
    });
  }
  return checkKey(key, `"${file}"`);
}

function commandSigner(command: string, environment: Environment): Signer {
  const file = environment.VISA_SIGNING_PUBLIC_KEY_FILE;
  if (!file) {
    throw usageError(
      "VISA_SIGNING_COMMAND needs the public key of what it signs with",
      undefined,
      "let VISA_SIGNING_PUBLIC_KEY_FILE name it, in PEM",
    );
  }
  const [publicKey] = publicKeys(readText(file, "VISA_SIGNING_PUBLIC_KEY_FILE"), file) as [KeyObject];
  return {
    publicKey,
    async sign(message) {
      const hash = hashOf(publicKey);
      const digest = createHash(hash).update(message).digest("hex");
      const told = { ...environment, [`VISA_SIGNING_${hash.toUpperCase()}`]: digest };
      const printed = await runCommand(command, message, told);
      const signature = asDer(printed, publicKey, message);
      if (signature) return signature;
      throw new VisaImageError(
        `VISA_SIGNING_COMMAND printed ${printed.length} bytes that are no signature by the key of "${file}"`,
        {
          fix: `see that it signs its standard input, with ECDSA and ${hash.toUpperCase()}, and that the public key is its own`,
        },
      );
    },
  };
}

/** The signature that the command printed in one of its usual forms, as DER; nothing where none of them holds. */
function asDer(printed: Buffer, key: KeyObject, message: Buffer): Buffer | undefined {
  const text = printed.toString("latin1").trim();
  const decoded = /^[A-Za-z0-9+/\s]+=*$/.test(text) ? [Buffer.from(text, "base64")] : [];
  const hash = hashOf(key);
  for (const candidate of [printed, ...decoded]) {
    if (verify(hash, message, { key, dsaEncoding: "der" }, candidate)) return candidate;
    if (verify(hash, message, { key, dsaEncoding: "ieee-p1363" }, candidate)) return derOf(candidate);
  }
  return undefined;
}

/** r and s, of equal length, as the SEQUENCE of two INTEGERs that they are in DER. */
function derOf(raw: Buffer): Buffer {
  const integer = (bytes: Buffer) => {
    const first = bytes.findIndex((byte) => byte !== 0);
    const digits = bytes.subarray(first < 0 ? bytes.length - 1 : first);
    const positive = (digits[0] as number) & 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
    return Buffer.concat([Buffer.from([0x02, positive.length]), positive]);
  };
  const half = raw.length / 2;
  const content = Buffer.concat([integer(raw.subarray(0, half)), integer(raw.subarray(half))]);
  return Buffer.concat([Buffer.from([0x30, content.length]), content]);
}

function runCommand(command: string, message: Buffer, environment: Environment): Promise<Buffer> {
  const failed = (why: string, cause?: unknown) =>
    new VisaImageError(`VISA_SIGNING_COMMAND did not sign: ${why}`, {
      fix: "run it by hand: it gets what is to be signed on its standard input, and prints the signature",
      cause,
    });
  return new Promise((resolve, reject) => {
    // What it says goes to the person, who may have to touch something, or to type a PIN at this terminal.
    const child = spawn("/bin/sh", ["-c", command], { env: environment, stdio: ["pipe", "pipe", "inherit"] });
    let stopped: string | undefined;
    const stop = (why: string) => {
      stopped ??= why;
      child.kill();
      // What the shell has started holds them open.
      child.stdin.destroy();
      child.stdout.destroy();
    };
    const timer = setTimeout(() => stop(`no answer in ${LONGEST_SIGNING / 1000} s`), LONGEST_SIGNING);
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > LONGEST_SIGNATURE) stop(`it printed more than ${LONGEST_SIGNATURE} bytes`);
    });
    // One that reads only the digest closes its input.
    child.stdin.on("error", () => {});
    child.stdin.end(message);
    child.once("error", (cause) => reject(failed(cause.message, cause)));
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (stopped) reject(failed(stopped));
      else if (code === 0) resolve(Buffer.concat(chunks));
      else reject(failed(code === null ? `it was ended by ${signal}` : `it ended with ${code}`));
    });
  });
}

function readText(file: string, name: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw usageError(
      `cannot read "${file}" (${code}), which ${name} names`,
      undefined,
      "correct the path or its mode",
      cause,
    );
  }
}
