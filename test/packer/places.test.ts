import { join } from "node:path";
import { relativeTo } from "../../lib/specify/relative-to";
import { CHAIN, specifyChain, temporaryCatalog } from "../fixtures/temporary-catalog";

const MANIFEST = `packer:
  builders:
    - type: qemu
      boot_wait: 3s
  provisioners:
    - type: shell
      only: [another]
      inline: "true"
    - type: shell
      inline: "true"
      pause_before: 10s
`;

test("what a template says has its place, by its path in the configuration", () => {
  const folder = temporaryCatalog({ ...CHAIN, "two/manifest.yml": MANIFEST });
  const specification = specifyChain(folder);
  const [one, two] = specification.layers;
  const manifest = join(folder, "two/manifest.yml");
  // Before the template's first step come three others; the one that is for another builder is none.
  expect(two?.places).toMatchObject({
    "source.qemu.two.boot_wait": { file: manifest, line: 4 },
    "build[0].provisioner[3].shell": { file: manifest, line: 9 },
    "build[0].provisioner[3].shell.inline": { file: manifest, line: 10 },
    "build[0].provisioner[3].shell.pause_before": { file: manifest, line: 11 },
  });
  expect(two).toHaveProperty(["configuration", "build", 0, "provisioner", 3, "shell", "pause_before"], "10s");
  expect(two?.places).not.toHaveProperty(["build[0].provisioner[4].shell"]);
  expect(one?.places).toHaveProperty(["build[0].provisioner[3].shell.script", "line"], 8);
  const staged = relativeTo({ ...specification, later: [two as never] }, join(folder, "out"));
  for (const layer of [staged.layers[1], staged.later?.[0]]) {
    expect(layer?.places?.["source.qemu.two.boot_wait"]?.file).toBe("../two/manifest.yml");
  }
});
