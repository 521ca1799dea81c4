/**
 * `build --parallel`: the chains of several templates, cut into pieces that do not depend on each other, and built at the
 * same time as far as memory and disk go.
 *
 * Each piece has a worker of its own (lib/runner/supervisor.ts), all of one front: a signal, or the end of who asked,
 * stops all of them. Where a piece fails, those that run are finished, since what they have built is kept, and nothing
 * new is started.
 */
import { Writable } from "node:stream";
import type { BuildReport, LayerReport } from "../runner/build-report";
import { LineSplitter } from "../runner/output/lines";
import { StoppedError } from "../runner/supervisor";
import type { BuildSpecification, LayerSpecification } from "../specification";

/** A specification, and the folder that its paths are relative to. */
export interface Job {
  readonly specification: BuildSpecification;
  readonly directory: string;
}

/** Layers that are built one after the other by one worker. */
export interface Piece extends Job {
  /** Its last layer's. */
  readonly name: string;
  /** The layers that no piece below has. */
  readonly own: readonly LayerSpecification[];
  /** The piece that has to be done before. */
  readonly after?: Piece;
  /** Whether a template that was asked for ends here. */
  readonly asked: boolean;
}

/**
 * Cuts chains where they part, and where one that was asked for ends.
 *
 * @param oneBase whether a base that two chains share is built by the first alone: for builds that replace it
 * @returns all pieces, each after those that it stands on, and for each job the one that it ends in
 */
export function cutIntoPieces(jobs: readonly Job[], oneBase = false): { pieces: Piece[]; ends: Piece[] } {
  const key = ({ name, fingerprint }: LayerSpecification) => `${name} ${fingerprint}`;
  const children = new Map<string, Set<string>>();
  const asked = new Set<string>();
  for (const { specification } of jobs) {
    for (const [i, layer] of specification.layers.entries()) {
      const next = specification.layers[i + 1];
      if (!next) asked.add(key(layer));
      else children.set(key(layer), (children.get(key(layer)) ?? new Set()).add(key(next)));
    }
  }
  const pieces = new Map<string, Piece>();
  const bases = new Map<string, Piece>();
  const ends = jobs.map(({ specification, directory }) => {
    let piece: Piece | undefined;
    let start = 0;
    for (const [i, layer] of specification.layers.entries()) {
      const isEnd = asked.has(key(layer));
      if (!isEnd && children.get(key(layer))?.size === 1) continue;
      const own = specification.layers.slice(start, i + 1);
      const base = own[0]?.base && own[0].parent;
      const made: Piece = pieces.get(key(layer)) ?? {
        name: layer.name,
        directory,
        specification: upTo(specification, i + 1),
        own,
        after: piece ?? (oneBase && base ? bases.get(base) : undefined),
        asked: isEnd,
      };
      pieces.set(key(layer), made);
      if (base) bases.set(base, made);
      piece = made;
      start = i + 1;
    }
    return piece as Piece;
  });
  return { pieces: [...pieces.values()], ends };
}

/** A job that is told of the layers of others, which are built after it or beside it. */
export function withLater<T extends Job>(job: T, others: readonly Job[]): T {
  const { layers, later = [] } = job.specification;
  const all = [...later, ...others.flatMap(({ specification }) => specification.layers)];
  const further = new Map(all.map((layer) => [layer.fingerprint, layer]));
  for (const { fingerprint } of layers) further.delete(fingerprint);
  return further.size > 0 ? { ...job, specification: { ...job.specification, later: [...further.values()] } } : job;
}

function upTo({ output, ...specification }: BuildSpecification, count: number): BuildSpecification {
  const layers = specification.layers.slice(0, count);
  return { ...specification, layers, ...(count === specification.layers.length && output && { output }) };
}

/** What a piece takes while it is built, in bytes. */
export interface Need {
  readonly memory: number;
  readonly disk: number;
}

/** Options of {@link runPieces}. */
export interface RunPiecesOptions {
  /** How many at the same time. */
  readonly limit: number;
  readonly need: (piece: Piece) => Need;
  /** What this machine has now, besides what the running ones were promised. */
  readonly room: (running: readonly Piece[]) => Need;
  readonly run: (piece: Piece) => Promise<BuildReport>;
  /** Told of whatever else there is to say of a piece. */
  readonly onMessage: (piece: Piece, text: string) => void;
}

/**
 * Runs pieces as soon as what they stand on is done and there is room; where nothing runs there is room for one.
 *
 * @throws what the first piece that failed has thrown, once all that ran have ended; a {@link StoppedError} before others
 */
export async function runPieces(
  pieces: readonly Piece[],
  options: RunPiecesOptions,
): Promise<ReadonlyMap<Piece, BuildReport>> {
  const { limit, need, room, run, onMessage } = options;
  const waiting = new Set(pieces);
  const told = new Set<Piece>();
  const running = new Map<Piece, Promise<void>>();
  const reports = new Map<Piece, BuildReport>();
  const failures: unknown[] = [];
  const next = () => {
    const ready = [...waiting].filter(({ after }) => !after || reports.has(after));
    const free = room([...running.keys()]);
    const fits = (piece: Piece) => need(piece).memory <= free.memory && need(piece).disk <= free.disk;
    const found = ready.find((piece) => running.size === 0 || fits(piece));
    for (const piece of found ? [] : ready.filter((each) => !told.has(each))) {
      onMessage(piece, "waits for the memory and the disk space that other builds take");
      told.add(piece);
    }
    return found;
  };
  const start = (piece: Piece) => {
    waiting.delete(piece);
    const ended = run(piece)
      .then(
        (report) => void reports.set(piece, report),
        (error) => {
          failures.push(error);
          if (error instanceof StoppedError) return;
          const others = running.size - 1;
          const what = failures.length === 1 ? "failed" : `failed too: ${(error as Error).message}`;
          onMessage(
            piece,
            `${what}${others > 0 ? "; the others that run are finished, and nothing new is started" : ""}`,
          );
        },
      )
      .finally(() => running.delete(piece));
    running.set(piece, ended);
  };
  for (;;) {
    while (failures.length === 0 && running.size < limit) {
      const piece = next();
      if (!piece) break;
      start(piece);
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  if (failures.length > 0) throw failures.find((error) => error instanceof StoppedError) ?? failures[0];
  return reports;
}

/** The reports of the templates that were asked for; what a piece below has built is told with the first one on it. */
export function reportsOf(ends: readonly Piece[], reports: ReadonlyMap<Piece, BuildReport>): BuildReport[] {
  const isNew = ({ action }: LayerReport) => action === "built" || action === "downloaded";
  const built = new Map<string, LayerReport>();
  for (const { layers } of reports.values()) {
    for (const layer of layers.filter(isNew)) built.set(layer.fingerprint, layer);
  }
  return ends.map((end) => {
    const report = reports.get(end) as BuildReport;
    const layers = report.layers.map((layer) => {
      const made = built.get(layer.fingerprint);
      built.delete(layer.fingerprint);
      if (made) return made;
      return isNew(layer) ? { ...layer, action: "cached" as const } : layer;
    });
    return { ...report, layers };
  });
}

/** A stream that puts a piece's name before each whole line that has no layer's name yet. */
export function withName(name: string, output: NodeJS.WritableStream): Writable {
  const masker = { mask: (line: string) => line, longest: 0 };
  const lines = new LineSplitter(masker, (line) => {
    output.write(/^\[[\w.-]+\] /.test(line) ? `${line}\n` : `[${name}] ${line}\n`);
  });
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.write(chunk);
      done();
    },
    final(done) {
      lines.end();
      done();
    },
  });
}
