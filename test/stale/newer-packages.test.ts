import { readDebianBill } from "../../lib/stale/debian-bill";
import { type BilledImage, findNewer } from "../../lib/stale/newer-packages";
import type { DebianIndexes, Suite } from "../../lib/stale/suites";
import { billOf } from "./mirror";

const FIRST = "2026-10-01T00:00:00.000Z";

function suite(name: string, kind: Suite["kind"], packages: Record<string, [version: string, since?: string]>) {
  const find = (each: string) => {
    const [version, since] = packages[each] ?? [];
    return version === undefined
      ? undefined
      : { version, source: each.replace("libssl3", "openssl"), ...(since && { since }) };
  };
  return { name, kind, index: { suite: name, date: FIRST, checked: true, first: FIRST, find } };
}

const indexes: DebianIndexes = {
  suites: [
    suite("bookworm", "main", { openssl: ["3.0.17-1"], libssl3: ["3.0.17-1"], nano: ["7.2-2"], vim: ["9"] }),
    suite("bookworm-updates", "updates", { tzdata: ["2026b", "2026-11-02T00:00:00.000Z"] }),
    suite("bookworm-security", "security", {
      openssl: ["3.0.18-1", "2026-11-05T00:00:00.000Z"],
      libssl3: ["3.0.18-1"],
    }),
  ],
};

function image(layers: Record<string, Record<string, string>>, complete = true): BilledImage {
  return {
    layers: Object.entries(layers).map(([layer, packages]) => ({
      layer,
      bill: readDebianBill(billOf(packages), layer),
    })),
    complete,
  };
}

test("what is newer: by suite, security first, with the layer that brought it", () => {
  const base = { openssl: "3.0.17-1", nano: "7.2-1", vim: "9" };
  const { newer, unknown } = findNewer(
    image({ "system-base": base, "visa-base": { ...base, tzdata: "2026a", guacd: "1.5" } }),
    indexes,
  );
  expect(newer).toEqual([
    {
      ...{
        name: "openssl",
        source: "openssl",
        installed: "3.0.17-1",
        available: "3.0.18-1",
        suite: "bookworm-security",
      },
      ...{ security: true, seen: "2026-11-05T00:00:00.000Z", exact: true, layer: "system-base" },
    },
    {
      ...{ name: "nano", source: "nano", installed: "7.2-1", available: "7.2-2", suite: "bookworm" },
      ...{ security: false, seen: FIRST, exact: false, layer: "system-base" },
    },
    {
      ...{ name: "tzdata", source: "tzdata", installed: "2026a", available: "2026b", suite: "bookworm-updates" },
      ...{ security: false, seen: "2026-11-02T00:00:00.000Z", exact: true, layer: "visa-base" },
    },
  ]);
  expect(unknown).toEqual(["guacd"]);
});

test("a package that a layer brought to another version is that layer's", () => {
  const { newer } = findNewer(image({ a: { openssl: "3.0.16-1" }, b: { openssl: "3.0.17-1" } }), indexes);
  expect(newer).toMatchObject([{ name: "openssl", layer: "b" }]);
});

test("a fix is a fix, also where a point release has gone on since", () => {
  const later = { suites: [suite("bookworm", "main", { openssl: ["3.0.19-1"] }), ...indexes.suites.slice(1)] };
  expect(findNewer(image({ a: { openssl: "3.0.17-1" } }), later).newer).toMatchObject([
    { available: "3.0.19-1", suite: "bookworm", security: true },
  ]);
  expect(findNewer(image({ a: { openssl: "3.0.18-1" } }), later).newer).toMatchObject([{ security: false }]);
});

test("a version that is newer than all suites is not old", () => {
  expect(findNewer(image({ a: { openssl: "3.1-1~bpo12+1", vim: "9" } }), indexes).newer).toEqual([]);
});

test("the bill itself may say which layer brought a package", () => {
  const partial = image({ c: { openssl: "3.0.17-1" } }, false);
  const layers = partial.layers.map(({ layer, bill }) => ({
    layer,
    bill: { ...bill, layers: new Map([["openssl", "visa-base"]]) },
  }));
  expect(findNewer({ ...partial, layers }, indexes).newer).toMatchObject([{ name: "openssl", layer: "visa-base" }]);
});

test("without all bills the lowest layer is not blamed for what may be from below it", () => {
  const partial = image({ b: { openssl: "3.0.17-1" }, c: { openssl: "3.0.17-1", nano: "7.2-1" } }, false);
  expect(findNewer(partial, indexes).newer.map(({ name, layer }) => [name, layer])).toEqual([
    ["openssl", undefined],
    ["nano", "c"],
  ]);
});
