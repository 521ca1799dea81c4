import type { Entry, Plan } from "../../lib/visa/entry";
import type { Mutation } from "../../lib/visa/entry-changes";
import type { Found } from "../../lib/visa/fields";
import { WANTED_VERSION, type Wanted, type WantedFields } from "../../lib/visa/wanted";

export const KEY = "images/general";
export const IMAGES = { a: "aaaaaaaa-0000-4000-8000-00000000000a", b: "bbbbbbbb-0000-4000-8000-00000000000b" };
export const RELEASES = { a: "aaaaaaaaaaaa", b: "bbbbbbbbbbbb" };

export const PROTOCOLS = [
  { id: 11, name: "RDP", port: 3389 },
  { id: 12, name: "GUACD", port: 4822 },
  { id: 13, name: "JUPYTER", port: 8888 },
];

/** VISA with nothing in it but what every VISA has. */
export function emptyVisa(values: Partial<Found> = {}): Found {
  return {
    entries: [],
    plans: [],
    protocols: PROTOCOLS,
    flavours: [
      { id: 21, name: "Small" },
      { id: 22, name: "Large" },
    ],
    cloudClients: [{ id: -1, name: "Default" }],
    inputFields: [
      ...["name", "version", "description", "icon", "cloudId", "computeId", "visible", "protocolIds", "bootCommand"],
      ...["autologin", "defaultVdiProtocolId", "secondaryVdiProtocolId", "autoAcceptExtensionRequest"],
    ],
    ...values,
  };
}

export function wantedOf(
  values: Omit<Partial<Wanted>, "fields"> & { readonly fields?: Partial<WantedFields> } = {},
): Wanted {
  return {
    version: WANTED_VERSION,
    key: KEY,
    release: RELEASES.a,
    channel: "production",
    plans: "move",
    ...values,
    fields: {
      name: "VISA desktop",
      version: "1",
      description: "Debian 12",
      protocols: ["GUACD", "RDP"],
      defaultDesktop: "GUACD",
      secondaryDesktop: "RDP",
      autologin: "VISA_PAM",
      bootCommand: "#!/bin/bash\n",
      ...values.fields,
    },
  };
}

/** What VISA has after a mutation, as VISA does it. */
export function after(found: Found, mutation: Mutation): Found {
  const ids = [...found.entries, ...found.plans].map(({ id }) => id);
  const id = Math.max(100, ...ids) + 1;
  switch (mutation.name) {
    case "createImage":
      return { ...found, entries: [...found.entries, entryOf(found, id, mutation.input)] };
    case "updateImage":
      return {
        ...found,
        entries: found.entries.map((each) =>
          each.id === mutation.id ? entryOf(found, each.id, mutation.input) : each,
        ),
      };
    case "deleteImage":
      return {
        ...found,
        entries: found.entries.filter((each) => each.id !== mutation.id),
        plans: found.plans.filter(({ imageId }) => imageId !== mutation.id),
      };
    case "createPlan":
      return { ...found, plans: [...cleared(found.plans, mutation.input.preset), { id, ...mutation.input }] };
    case "updatePlan":
      return {
        ...found,
        plans: cleared(found.plans, mutation.input.preset).map((each) =>
          each.id === mutation.id ? { id: each.id, ...mutation.input } : each,
        ),
      };
    case "deletePlan":
      return { ...found, plans: found.plans.filter((each) => each.id !== mutation.id) };
  }
}

/** The plans that a user is offered. */
export function offered({ entries, plans }: Found): readonly Plan[] {
  return plans.filter(({ imageId }) => entries.some(({ id, visible }) => id === imageId && visible));
}

function cleared(plans: readonly Plan[], preset: boolean): readonly Plan[] {
  return preset ? plans.map((each) => ({ ...each, preset: false })) : plans;
}

function entryOf(found: Found, id: number, input: Readonly<Record<string, unknown>>): Entry {
  const { protocolIds, defaultVdiProtocolId, secondaryVdiProtocolId, ...own } = input;
  const protocol = (wanted: unknown) => found.protocols.find((each) => each.id === wanted);
  return {
    ...own,
    id,
    protocols: (protocolIds as number[]).map((each) => protocol(each) as (typeof PROTOCOLS)[number]),
    defaultVdiProtocol: protocol(defaultVdiProtocolId) ?? null,
    secondaryVdiProtocol: protocol(secondaryVdiProtocolId) ?? null,
    cloudId: own.cloudId === -1 ? null : own.cloudId,
  } as unknown as Entry;
}
