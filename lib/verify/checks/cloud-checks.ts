/** What only an instance of a registered image shows, in a cloud: 1, 2, 49, 50, 51, 55 and 59, as VISA's own instances are. */
import type { Flavor } from "../../cloud/compute";
import type { GlanceImage } from "../../cloud/glance";
import type { ContractPart } from "../../contract";
import { short } from "../../fingerprint/digest";
import { portOf, type VisaProtocol } from "../../visa-protocols";
import { answers, type PortWatch } from "../cloud/port-watch";
import { checksOf } from "./all-checks";
import { cloudInitDone } from "./boot-checks";
import { type Check, expect, NotApplicable } from "./check";

/** How an instance gets its metadata: by a service, as VISA's do, or by a drive, where a cloud insists on it. */
export const SOURCES = ["metadata-service", "config-drive"] as const;

/** One of them. */
export type MetadataSource = (typeof SOURCES)[number];

/** What the checks of one instance are made from. */
export interface CloudCheckOptions {
  readonly parts: readonly ContractPart[];
  readonly profile: "gate" | "full";
  readonly source: MetadataSource;
  /** Whether Nova gave it a config drive, be it asked for or not. */
  readonly hasConfigDrive: boolean;
  readonly flavor: Flavor;
  readonly protocols: readonly VisaProtocol[];
  readonly watch: PortWatch;
  /** Names of the security groups that were asked for; none: one that was made for it. */
  readonly securityGroups: readonly string[];
}

/** No part of the contract, and no protocol of VISA's. */
const UNDECLARED_PORT = 9997;
/** From the first sign of the owner; what is slow without KVM. */
const ACTIVE_SECONDS = 240;

/** Assertions whose answer may depend on where the metadata are from. */
const BY_SOURCE: readonly number[] = [1, 2, 3, 4, 8, 12, 59];

/**
 * The checks of one instance: those of the boot `main`, for the gate looks at these too, and those that a cloud is needed for.
 *
 * @param first whether it is a run's first instance: another one is looked at for what depends on its source alone
 */
export function cloudChecks(options: CloudCheckOptions, first: boolean): Check[] {
  const { parts, profile } = options;
  const ofImage = checksOf(parts, "full").filter(({ boot, assertion, profile: least }) => {
    // The id is asked for in any case: it is Nova's own here. How fast a cloud is says nothing of the image.
    return (
      boot === "main" && ![1, 2, 63].includes(assertion) && (least === "gate" || profile === "full" || assertion === 59)
    );
  });
  const ofCloud = [
    ...(parts.includes("boot") ? [sourceCheck(options)] : []),
    ...(parts.includes("hygiene") ? [rootDisk(options), shutPorts(options)] : []),
    becomesActive(options),
  ];
  const all = [...ofImage, ...ofCloud];
  return first ? all : all.filter(({ assertion }) => BY_SOURCE.includes(assertion));
}

/**
 * What Glance has of the image.
 *
 * @param verified hex SHA-512 of the disks that passed the gate here @default - nobody knows
 */
export function registered(image: GlanceImage, verified: readonly string[]): string {
  const { status, size, os_hash_algo: algorithm, os_hash_value: value } = image;
  expect(status === "active", `it is ${status}`);
  expect((size ?? 0) > 0, "it is empty");
  const virtual = Number(image.virtual_size ?? 0);
  const least = Number(image.min_disk ?? 0);
  expect(least * 2 ** 30 >= virtual, `min_disk is ${least} GiB, its disk has ${(virtual / 2 ** 30).toFixed(1)} GiB`);
  const known = verified.length > 0 && algorithm === "sha512";
  expect(
    !known || verified.includes(value ?? ""),
    `its SHA-512 is ${short(value ?? "")}…, and what passed the gate here has ${verified.map(short).join("… or ")}…`,
  );
  return `active, ${Math.round((size ?? 0) / 2 ** 20)} MiB${known ? ", the bytes that passed the gate" : ""}`;
}

function sourceCheck({ source, hasConfigDrive }: CloudCheckOptions): Check {
  const byDrive = source === "config-drive";
  return {
    ...{ assertion: byDrive ? 2 : 1, boot: "main", profile: "gate" },
    async run(subject) {
      if (hasConfigDrive && !byDrive) {
        throw new NotApplicable("this cloud, or the image (img_config_drive), gives each instance a config drive");
      }
      expect(hasConfigDrive === byDrive, "Nova gave the instance no config drive");
      return cloudInitDone(subject, byDrive ? /ConfigDrive/ : /OpenStack/);
    },
  };
}

/** The disk is the flavour's; that the file system has grown with it is a check that the gate has too. */
function rootDisk({ flavor }: CloudCheckOptions): Check {
  return {
    ...{ assertion: 49, boot: "main", profile: "gate" },
    async run({ guest }) {
      if (flavor.diskGb === 0) throw new NotApplicable("the flavour has no disk: it is as large as the image's");
      const script =
        'lsblk --noheadings --bytes --nodeps --output SIZE "/dev/$(lsblk -no PKNAME "$(findmnt -no SOURCE /)")"';
      const gib = Number(await guest.text(script)) / 2 ** 30;
      expect(gib === flavor.diskGb, `the disk has ${gib.toFixed(1)} GiB, the flavour ${flavor.diskGb}`);
      return `${gib} GiB, as the flavour`;
    },
  };
}

/** Something listens there, so that it is the group that shuts it. */
function shutPorts({ securityGroups }: CloudCheckOptions): Check {
  return {
    ...{ assertion: 50, boot: "main", profile: "gate" },
    async run(subject) {
      const { guest, instance } = subject;
      const listen = `import socket, time; s = socket.create_server(("", ${UNDECLARED_PORT})); time.sleep(60)`;
      await guest.text(`timeout 60 python3 -c '${listen}' >/dev/null 2>&1 </dev/null & disown
for try in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/${UNDECLARED_PORT}) 2>/dev/null && exit; sleep 0.2; done
echo "nothing listens on ${UNDECLARED_PORT} inside" >&2; exit 1`);
      const { host } = instance.endpoint(UNDECLARED_PORT);
      const open = await answers(host, UNDECLARED_PORT);
      const groups = securityGroups.join(", ") || "made for this";
      expect(
        !open,
        `port ${UNDECLARED_PORT}, which nobody declared, is reached through the security groups: ${groups}`,
      );
      return `${UNDECLARED_PORT} is shut from outside (security groups: ${groups})`;
    },
  };
}

/** By VISA's rule, from where this runs. */
function becomesActive({ protocols, watch, securityGroups, source }: CloudCheckOptions): Check {
  return {
    ...{ assertion: 55, boot: "main", profile: "gate", outside: true },
    async run(subject) {
      if (protocols.length === 0) throw new NotApplicable("the template promises nothing that VISA looks at");
      await subject
        .waitFor("state ACTIVE", ACTIVE_SECONDS, async () => watch.state === "ACTIVE")
        .catch((error: Error) => {
          const shut = protocols.map(portOf).filter((port) => !watch.opened.has(port));
          const through = securityGroups.length > 0 ? ` through the security groups ${securityGroups.join(", ")}` : "";
          if (shut.length === 0) throw error;
          const where = subject.instance.endpoint(22).host;
          expect(false, `${watch.state}: ${shut.join(", ")} of ${where} is not reached from here${through}`);
        });
      const ports = protocols.map(portOf).map((port) => `${port} after ${(watch.opened.get(port) ?? 0).toFixed(1)} s`);
      const states = watch.states.map(({ state, seconds }) => `${state} ${seconds.toFixed(1)} s`);
      return `since the request (${source}): ${states.join(", ")}; ${ports.join(", ")}`;
    },
  };
}
