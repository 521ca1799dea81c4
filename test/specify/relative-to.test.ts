import { cpSync } from "node:fs";
import { join } from "node:path";
import { relativeTo } from "../../lib/specify/relative-to";
import { CHAIN, temporaryCatalog } from "../fixtures/temporary-catalog";
import { scratchFolder } from "../support/scratch";
import { last, run } from "./support";

test("sources become relative to the folder of the specification, and no absolute path is left", () => {
  const folder = temporaryCatalog(CHAIN);
  const staged = relativeTo(run(folder), join(folder, "out", "stacks"));
  expect(JSON.stringify(staged)).not.toContain(folder);
  expect(last(staged).files.map(({ source }) => source)).toContain("../../two/scripts/a.sh");
  expect(staged.layers[0]?.base).toMatchObject({
    kind: "file",
    path: "../../one/base.qcow2",
  });
});

test("a copy of the catalog elsewhere gives the same specification, but for the sources", () => {
  const folder = temporaryCatalog(CHAIN);
  const copy = scratchFolder();
  cpSync(folder, copy, { recursive: true });
  expect(relativeTo(run(copy), copy)).toEqual({
    ...relativeTo(run(folder), folder),
    layers: relativeTo(run(folder), folder).layers.map((layer) => ({
      ...layer,
      files: layer.files.map((file) =>
        file.path.startsWith("guest/") ? expect.objectContaining({ path: file.path }) : file,
      ),
    })),
  });
});
