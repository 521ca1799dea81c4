import { join } from "node:path";
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";
import { Provisioner } from "../../lib/template/provisioner";
import { Template } from "../../lib/template/template";
import { temporaryCatalog } from "../fixtures/temporary-catalog";
import { last, type Options, run } from "./support";

describe("what of a template's folder is no input", () => {
  const copy = (provisioner: string, rest = "") => ({
    "config.yml": "templates: {two: }",
    "two/manifest.yml": `packer:\n  provisioners:\n    - { type: file, destination: /opt/own, ${provisioner} }\n${rest}`,
    "two/files/f.txt": "f\n",
    "two/files/f.bak": "f\n",
    "two/files/deep/g.bak": "g\n",
    "two/files/deep/g.txt": "g\n",
    "two/files/__pycache__/f.pyc": "f\n",
  });
  const inputs = (files: Parameters<typeof temporaryCatalog>[0]) =>
    Object.keys(last(run(temporaryCatalog(files))).inputs).filter((name) => name.startsWith("files/"));

  test("is what the template leaves out", () => {
    expect(inputs(copy("source: files", "  exclude: ['*.bak']\n"))).toEqual(["files/deep/g.txt", "files/f.txt"]);
  });

  test("is what a step leaves out, from its own source; ! takes something back", () => {
    expect(inputs(copy("source: files, exclude: [deep/*.bak, '!__pycache__']"))).toEqual([
      "files/__pycache__/f.pyc",
      "files/deep/g.txt",
      "files/f.bak",
      "files/f.txt",
    ]);
  });

  test("is still copied by another step that does not leave it out", () => {
    const both = copy("source: files, exclude: ['*.bak']", "    - { type: file, destination: /srv, source: files }\n");
    const { configuration, files } = last(run(temporaryCatalog(both)));
    const [build] = configuration.build as [{ provisioner: { file?: { source: string } }[] }];
    const sources = build.provisioner.flatMap(({ file }) => file?.source ?? []).filter((own) => own !== "build-ca.crt");
    expect(sources).toEqual([expect.stringMatching(/^files\/two-but-[0-9a-f]{12}\/files$/), "files/two/files"]);
    const below = (folder: string) => files.filter(({ path }) => path.startsWith(`${folder}/`)).length;
    expect(sources.map((source) => below(source as string))).toEqual([2, 4]);
  });

  test("is named, with the pattern", () => {
    const named: string[] = [];
    const onExcluded: Options["onExcluded"] = (template, { label, pattern }) =>
      named.push(`${template}: ${label} by ${pattern}`);
    run(temporaryCatalog(copy("source: files", "  exclude: ['*.bak']\n")), { onExcluded });
    expect(named).toEqual([
      "two: files/__pycache__/ by __pycache__/",
      "two: files/deep/g.bak by *.bak",
      "two: files/f.bak by *.bak",
    ]);
  });

  test("in TypeScript as in YAML", () => {
    const folder = temporaryCatalog(copy("source: files", "  exclude: ['*.bak']\n"));
    const template = new Template("two", {
      directory: join(folder, "two"),
      exclude: ["*.txt"],
      provisioners: [Provisioner.file({ source: "files", destination: "/opt", exclude: ["*.bak"] })],
    });
    const make = () => specify({ catalog: Catalog.of(template), template: "two", environment: {} });
    expect(make).toThrow(/the folder "files" is empty but for what is left out \(files\/__pycache__\/, .*f\.txt\)/);
  });

  test("never a file that a step names itself", () => {
    expect(inputs(copy("source: files/__pycache__/f.pyc"))).toEqual(["files/__pycache__/f.pyc"]);
  });
});
