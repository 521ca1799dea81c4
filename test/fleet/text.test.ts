import type { Fleet, FleetRelease, FleetServer } from "../../lib/fleet/fleet";
import { fleetHeadline, fleetText } from "../../lib/fleet/text";

const NOW = Date.parse("2026-11-28T12:00:00Z");

const server = (id: string, more: Partial<FleetServer> = {}): FleetServer => ({
  ...{ id, name: `VISA-INSTANCE-${id}`, status: "ACTIVE", created: "2026-11-20T12:00:00Z", projectId: "p", ...more },
});

function release(digit: string, more: Partial<FleetRelease> = {}): FleetRelease {
  return {
    ...{ release: digit.repeat(12), imageId: digit, name: "VISA desktop", template: "visa-apps", state: "past" },
    ...{ registered: "2026-10-02T10:00:00Z", shown: false, servers: [], ...more },
  };
}

const fleet = (releases: readonly FleetRelease[], more: Partial<Fleet> = {}): Fleet => ({
  images: [{ image: "images/general", releases }],
  ...{ fromVolume: [], otherImages: 0, clouds: [{ servers: "all projects" }], ...more },
});

test("revoked releases first, then what runs on which, for how long, and until when", () => {
  const revoked = release("a", {
    ...{ state: "revoked", why: "2026-11-20 its key leaked" },
    servers: [
      server("1", { ends: "2026-12-10T09:00:00.000Z", owner: "Ada Lovelace" }),
      server("2", { ends: null, created: "2026-11-28T09:00:00Z", fromSnapshot: true }),
    ],
  });
  const inUse = release("b", { state: "in use", shown: true, servers: [server("3")] });
  const more = { fromVolume: [server("4")], otherImages: 2, clouds: [{ servers: "own project" as const }] };
  expect(fleetText(fleet([revoked, release("c"), inUse], more), { now: NOW })).toBe(`2 servers run on 1 revoked release

images/general
  bbbbbbbbbbbb  in use: registered 2026-10-02, 57 days old, 1 server
    VISA-INSTANCE-3 3  ACTIVE, 8 days old
  aaaaaaaaaaaa  revoked 2026-11-20 its key leaked: registered 2026-10-02, 57 days old, 2 servers
    VISA-INSTANCE-1 1  ACTIVE, 8 days old, until 2026-12-10 09:00 UTC, Ada Lovelace
    VISA-INSTANCE-2 2  ACTIVE, 3 h old, from a snapshot, without an end

not assigned: 1 server started from a volume: Nova does not say what is on it
2 servers on other images
servers of the own project alone: Nova shows those of others to an administrator
`);
});

test("nothing to do", () => {
  expect(fleetText(fleet([release("b", { state: "in use" })]), { now: NOW })).toBe(
    "nothing to do: no server runs on a release\n\n1 image without servers (--all shows them)\n",
  );
  expect(fleetHeadline(fleet([release("b", { servers: [server("1")] })]))).toBe("nothing to do: 1 server on 1 release");
});

test("a revoked release that is shown is something to do, without servers too", () => {
  const made = fleet([release("a", { state: "revoked", why: "2026-11-20 r", shown: true })]);
  expect(fleetHeadline(made)).toBe("Glance shows 1 revoked release again: visa-image revoke");
  expect(fleetText(made)).toContain("aaaaaaaaaaaa  revoked 2026-11-20 r: ");
});

test("a retired release whose last server is gone can be pruned", () => {
  const retired = release("a", { state: "retired", why: "2026-11-20" });
  expect(fleetHeadline(fleet([retired]))).toBe("no server runs on 1 retired release: visa-image prune");
  expect(fleetText(fleet([retired]), { now: NOW })).toContain(
    "aaaaaaaaaaaa  retired 2026-11-20: registered 2026-10-02",
  );
  expect(fleetHeadline(fleet([{ ...retired, servers: [server("1")] }]))).toBe("nothing to do: 1 server on 1 release");
  const clouds = [{ servers: "unknown" as const, reason: "Nova answered 500" }];
  expect(fleetHeadline(fleet([retired], { clouds }))).not.toContain("prune");
});

test("what is not known is no good news", () => {
  const clouds = [{ cloud: "north", region: "r", servers: "unknown" as const, reason: "Nova answered 500" }];
  expect(fleetHeadline(fleet([], { clouds }))).toBe(
    'which servers run in the cloud "north" in the region "r" is not known: Nova answered 500',
  );
  const visa = { asked: false, reason: "cannot reach VISA" };
  expect(fleetText(fleet([], { visa }))).toContain("end dates are not known: cannot reach VISA\n");
});

test("of many servers the first ten, unless all are asked for", () => {
  const many = fleet([release("b", { servers: Array.from({ length: 12 }, (_, i) => server(`${i}`)) })]);
  expect(fleetText(many)).toContain("    and 2 more (--all shows them)\n");
  const all = fleetText(many, { all: true });
  expect(all.match(/VISA-INSTANCE/g)).toHaveLength(12);
  expect(fleetText(fleet([release("c", { shown: undefined })]), { all: true })).toContain(
    "no server, its image is none of the project's in Glance",
  );
});
