import { PassThrough } from "node:stream";
import {
  cutIntoPieces,
  type Job,
  type Need,
  type Piece,
  reportsOf,
  runPieces,
  withLater,
  withName,
} from "../../lib/cli/parallel";
import type { BuildReport } from "../../lib/runner/build-report";
import { StoppedError } from "../../lib/runner/supervisor";
import type { LayerSpecification } from "../../lib/specification";

/** Chains by the names of their layers; the first one's base is that of its name's first letter. */
function jobs(...chains: string[]) {
  return chains.map((chain) => {
    const names = chain.split(" ");
    const layers = names.map((name, i) => ({
      name,
      fingerprint: name,
      parent: names[i - 1] ?? "base",
      ...(i === 0 && { base: { kind: "bootstrap" } }),
    }));
    return {
      specification: { version: 1 as const, layers: layers as unknown as LayerSpecification[] },
      directory: "/",
    };
  });
}

/** `left: l1 l2 after shared`. */
function show({ name, own, after }: Piece): string {
  return `${name}: ${own.map((layer) => layer.name).join(" ")}${after ? ` after ${after.name}` : ""}`;
}

describe("chains are cut", () => {
  test("where they part", () => {
    const { pieces, ends } = cutIntoPieces(jobs("system visa left1 left2", "system visa right", "other"));
    expect(pieces.map(show)).toEqual([
      "visa: system visa",
      "left2: left1 left2 after visa",
      "right: right after visa",
      "other: other",
    ]);
    expect(ends.map(({ name }) => name)).toEqual(["left2", "right", "other"]);
    expect(pieces.map(({ specification }) => specification.layers.length)).toEqual([2, 4, 3, 1]);
    expect(pieces.map(({ asked }) => asked)).toEqual([false, true, true, true]);
  });

  test("where one that was asked for ends", () => {
    const { pieces, ends } = cutIntoPieces(jobs("system visa apps", "system visa"));
    expect(pieces.map(show)).toEqual(["visa: system visa", "apps: apps after visa"]);
    expect(ends.map(show)).toEqual(["apps: apps after visa", "visa: system visa"]);
  });

  test("and stay in order where a base that they share is replaced", () => {
    const { pieces } = cutIntoPieces(jobs("a", "b", "c"), true);
    expect(pieces.map(show)).toEqual(["a: a", "b: b after a", "c: c after b"]);
  });
});

const GIB = 2 ** 30;
const report = (layers: BuildReport["layers"] = []): BuildReport => ({
  layers,
  disk: "disk",
  seconds: 1,
  overheadSeconds: 0,
});

/** Runs pieces by hand: `started` in order, `end` lets one end. */
function byHand(chains: string[], limit: number, memory = 100) {
  const { pieces } = cutIntoPieces(jobs(...chains));
  const started: string[] = [];
  const said: string[] = [];
  const waiting = new Map<string, { resolve(report: BuildReport): void; reject(error: unknown): void }>();
  const need = (): Need => ({ memory: 4 * GIB, disk: 1 });
  const done = runPieces(pieces, {
    limit,
    need,
    room: (running) => ({ memory: memory * GIB - running.length * 4 * GIB, disk: 100 }),
    run: ({ name }) => {
      started.push(name);
      return new Promise((resolve, reject) => waiting.set(name, { resolve, reject }));
    },
    onMessage: ({ name }, text) => said.push(`${name}: ${text}`),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return {
    started,
    said,
    done,
    end: async (name: string, error?: unknown) => {
      const piece = waiting.get(name);
      if (error) piece?.reject(error);
      else piece?.resolve(report());
      await settle();
    },
  };
}

test("a job is told once of what others build after it, and of nothing that it builds itself", () => {
  const [left, middle, right] = jobs("base left", "base middle", "base right") as Job[] as [Job, Job, Job];
  const names = ({ specification }: Job) => specification.later?.map(({ name }) => name);
  expect(names(withLater(left, [middle, right]))).toEqual(["middle", "right"]);
  expect(names(withLater(withLater(left, [middle]), [middle, left]))).toEqual(["middle"]);
  expect(withLater(left, [left])).toBe(left);
});

describe("pieces run", () => {
  test("once what they stand on is done, and no more than the limit at the same time", async () => {
    const { started, end, done } = byHand(["base left", "base middle", "base right"], 2);
    expect(started).toEqual(["base"]);
    await end("base");
    expect(started).toEqual(["base", "left", "middle"]);
    await end("middle");
    expect(started).toEqual(["base", "left", "middle", "right"]);
    await end("left");
    await end("right");
    expect((await done).size).toBe(4);
  });

  test("as far as memory goes, and one whatever it has", async () => {
    const { started, said, end, done } = byHand(["a", "b", "c"], 3, 9);
    expect(started).toEqual(["a", "b"]);
    expect(said).toEqual(["c: waits for the memory and the disk space that other builds take"]);
    await end("a");
    expect(started).toEqual(["a", "b", "c"]);
    await end("b");
    await end("c");
    await done;
    const small = byHand(["a", "b"], 2, 1);
    expect(small.started).toEqual(["a"]);
    await small.end("a");
    expect(small.started).toEqual(["a", "b"]);
    await small.end("b");
    await small.done;
  });

  test("to their end where another one fails, but nothing new does; the first failure is the one that counts", async () => {
    const { started, said, end, done } = byHand(["a", "b", "c"], 2);
    const ended = expect(done).rejects.toThrow("first");
    await end("a", new Error("first"));
    expect(started).toEqual(["a", "b"]);
    await end("b", new Error("second"));
    await ended;
    expect(started).toEqual(["a", "b"]);
    expect(said).toEqual([
      "a: failed; the others that run are finished, and nothing new is started",
      "b: failed too: second",
    ]);
  });

  test("no more where they are stopped, which goes before a failure", async () => {
    const { said, end, done } = byHand(["a", "b"], 2);
    const ended = expect(done).rejects.toMatchObject({ exitCode: 130 });
    await end("a", new Error("first"));
    await end("b", new StoppedError("stopped by SIGINT", { exitCode: 130 }));
    await ended;
    expect(said).toHaveLength(1);
  });
});

test("what a piece below has built is told with the first template on it", () => {
  const { pieces, ends } = cutIntoPieces(jobs("base left", "base right"));
  const layer = (name: string, action: "built" | "cached") => ({
    ...{ name, fingerprint: name, action },
    ...{ seconds: 1, toolSeconds: 1 },
  });
  const [base, left, right] = pieces as [Piece, Piece, Piece];
  const all = reportsOf(
    ends,
    new Map([
      [base, report([layer("base", "built")])],
      [left, report([layer("base", "cached"), layer("left", "built")])],
      [right, report([layer("base", "cached"), layer("right", "built")])],
    ]),
  );
  expect(all.map(({ layers }) => layers.map(({ name, action }) => `${name} ${action}`))).toEqual([
    ["base built", "left built"],
    ["base cached", "right built"],
  ]);
});

test("every line carries a name, whole, however it comes", () => {
  const output = new PassThrough();
  const left = withName("left", output);
  const right = withName("right", output);
  left.write("accelerator: T");
  right.write("[visa-base] 1/5 starting\n  guest: one\n");
  left.write("CG\nthe rest");
  left.end();
  expect(String(output.read())).toBe(
    "[visa-base] 1/5 starting\n[right]   guest: one\n[left] accelerator: TCG\n[left] the rest\n",
  );
});
