/**
 * What VISA expects of an image: the assertions, by number and name. The numbers are those of VISA's contract as this
 * project keeps it; they stand in reports, and never change their meaning. Those from 57 on came later.
 */

import { ExitCode, type Location, VisaImageError } from "./errors";
import { suggestion } from "./nearest";

/** Changes whenever an image that passed before might not pass now: each image is then verified again. */
export const VERIFIER_VERSION = "3";

/** The parts of the contract: a template promises some of them. */
export const CONTRACT_PARTS = ["boot", "desktop", "login", "jupyter", "hygiene", "uefi"] as const;

/** A part of the contract. */
export type ContractPart = (typeof CONTRACT_PARTS)[number];

/**
 * The parts that words name, in the contract's order.
 *
 * @throws VisaImageError for a word that names none
 */
export function contractParts(words: readonly string[], location?: Location): ContractPart[] {
  const unknown = words.find((word) => !(CONTRACT_PARTS as readonly string[]).includes(word));
  if (unknown === undefined) return CONTRACT_PARTS.filter((part) => words.includes(part));
  throw new VisaImageError(`"${unknown}" is no part of VISA's contract`, {
    location,
    fix: suggestion(unknown, [...CONTRACT_PARTS], "parts"),
    exitCode: ExitCode.USAGE,
  });
}

/** `gate`: one boot, before an image is registered. `full`: all that can be seen of an image alone, with more boots. */
export type VerifyProfile = "gate" | "full";

/** One assertion of the contract. */
export interface Assertion {
  readonly number: number;
  /** `cloud`: no boot of an image alone can show it. */
  readonly part: ContractPart | "cloud";
  readonly name: string;
  /** Of the part `cloud`: the tests of ours that show it, each by its file and its title. @default none */
  readonly tests?: readonly TestTitle[];
}

/** A test of this project: its file, and its title as it stands there. */
export type TestTitle = readonly [file: string, title: string];

const LIST: readonly (readonly [number, Assertion["part"], string, ...TestTitle[]])[] = [
  [1, "boot", "cloud-init ends well with the metadata service alone"],
  [2, "boot", "cloud-init ends well with a config drive alone"],
  [3, "boot", "the owner's name can be queried, an unknown key fails"],
  [4, "boot", "the owner exists: uid of at least 1000, /bin/bash, a home of their own"],
  [5, "boot", "works without user data"],
  [6, "boot", "works with the original boot command"],
  [7, "boot", "without pamPublicKey a baked key stays byte for byte"],
  [8, "boot", "pamPublicKey arrives in /etc/visa/public.pem, safe from others"],
  [9, "boot", "a reboot changes nothing"],
  [10, "boot", "odd legal names work, dangerous ones are refused"],
  [11, "boot", "without an owner the boot ends, and nobody can log in"],
  [12, "boot", "3389 and 4822 open after the owner and the key exist"],
  [13, "desktop", "3389 answers an RDP negotiation"],
  [14, "desktop", "4822 answers a Guacamole handshake"],
  [15, "desktop", "guacd and xrdp listen outward, the session manager does not"],
  [16, "desktop", "the guest reaches its own address on 3389"],
  [17, "desktop", "a token opens the owner's desktop through guacd"],
  [18, "desktop", "a second connection finds the same session"],
  [19, "desktop", "another keyboard layout is accepted"],
  [20, "desktop", "small and large screens work"],
  [21, "desktop", "the clipboard channel runs"],
  [22, "login", "a fresh token logs in"],
  [23, "login", "a token is valid for 60 seconds, no longer"],
  [24, "login", "a token by another key is refused"],
  [25, "login", "a changed token is refused"],
  [26, "login", "plain and empty passwords are refused"],
  [27, "login", "a longer name's token does not open a shorter one's account"],
  [28, "login", "root never logs in"],
  [29, "login", "a token dated ahead is refused"],
  [30, "login", "with an EC key in place everything is refused"],
  [31, "login", "with a missing or garbled key everything is refused"],
  [32, "login", "malformed signatures are refused, and the session manager lives"],
  [33, "login", "the answers do not depend on libpam-cap"],
  [34, "login", "credentials and session are set up"],
  [35, "login", "sshd, sudo, su and login take no tokens"],
  [36, "login", "the key is RSA, whole, and fits VISA's limits"],
  [37, "jupyter", "JupyterLab answers below /jupyter/<id>/"],
  [38, "jupyter", "and nowhere else"],
  [39, "jupyter", "it runs as the owner"],
  [40, "jupyter", "a kernel starts and calculates over a websocket"],
  [41, "jupyter", "a POST without XSRF token is refused"],
  [42, "jupyter", "the same origin may frame it"],
  [43, "jupyter", "killed, it is back within 30 seconds; another instance has its own id"],
  [44, "jupyter", "declared kernels import declared packages"],
  [45, "hygiene", "no unit has failed; time is synchronised"],
  [46, "hygiene", "the owner cannot power off, reboot or suspend; the cloud's power button works"],
  [47, "hygiene", "no root login by password, no build user, key, certificate or proxy credentials"],
  [48, "hygiene", "nothing of one machine is in the image: ids, host keys, cloud-init state, logs"],
  [49, "hygiene", "the root file system grows to the disk"],
  [50, "hygiene", "only declared ports are open"],
  [
    ...([51, "cloud", "Glance: active, with the artifact's checksum, size and properties"] as const),
    ["test/e2e/deploy.test.ts", "a first deploy builds the chain and registers an active, sparse image"],
    ["test/e2e/deploy.test.ts", "the registered image keeps VISA's whole contract, and stays byte for byte as it was"],
    ["test/releases/command.test.ts", "fails for other bytes than were verified, and hides them (hidden before: %s)"],
  ],
  [
    ...([52, "cloud", "Glance: a failure leaves no queued image in its list"] as const),
    ["test/faults/cloud-upload.test.ts", "fails, and changes nothing, where %s"],
  ],
  [
    ...([53, "cloud", "VISA: registered once, a second run changes nothing"] as const),
    ["test/integration/terraform-visa.test.ts", "a second deploy changes nothing, and asks VISA nothing"],
    ["test/visa/register.test.ts", "registers, and the second time sends no mutation"],
  ],
  [
    ...([54, "cloud", "VISA: the old version is hidden, otherwise unchanged"] as const),
    [
      "test/visa/entry-changes.test.ts",
      "a new release: made hidden, shown, plans moved, the one before hidden and otherwise unchanged",
    ],
  ],
  [
    ...([55, "cloud", "VISA: an instance becomes ACTIVE"] as const),
    [
      "test/verify/cloud/verify-on-cloud.test.ts",
      "ACTIVE by VISA's rule, seen from here; without an sshd nothing is looked at inside, and that is said",
    ],
  ],
  [
    ...([56, "cloud", "test machines carry no VISA prefix and are removed"] as const),
    [
      "test/verify/instance/test-instance.test.ts",
      "an instance carries no prefix of VISA's, leaves the disk alone, and is removed but for its evidence",
    ],
    [
      "test/verify/cloud/verify-on-cloud.test.ts",
      "an instance as VISA asks for it, in a group of its own, and all of it removed",
    ],
  ],
  [57, "hygiene", "the image says what it is: /etc/visa/release.json"],
  [58, "desktop", "VISA's look at its ports each minute leaves nothing: no error, no process, no memory"],
  [59, "boot", "the instance's id can be queried: by the metadata service and by a config drive"],
  [60, "desktop", "an instance in two networks is reached"],
  [61, "desktop", "16 and 24 bits of colour are shown"],
  [62, "uefi", "it boots by UEFI too, with Secure Boot on"],
  [63, "boot", "it boots no slower than its budget allows, compared with the release in use"],
];

/** The contract, by number. */
export const CONTRACT: ReadonlyMap<number, Assertion> = new Map(
  LIST.map(([number, part, name, ...tests]) => [number, { number, part, name, ...(tests.length > 0 && { tests }) }]),
);

/** Where an assertion of the part `cloud` is shown, in words. */
export function shownWhere({ tests }: Assertion): string {
  if (!tests) return "not run";
  return tests.map(([file, title]) => `${file}: ${title.replace("%s", "…")}`).join("; ");
}
