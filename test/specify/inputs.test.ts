import { chmodSync, renameSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { CHAIN, temporaryCatalog, writeFiles } from "../fixtures/temporary-catalog";
import { changed, last, manifest, type Options, publicKey, run } from "./support";

describe("a fingerprint", () => {
  const before = last(run(temporaryCatalog(CHAIN)));

  const key = publicKey(1024);
  test.each<[string, (folder: string) => unknown, string[]]>([
    [
      "a script's bytes",
      (f) =>
        void writeFiles(f, {
          "two/scripts/a.sh": ["#!/bin/sh\necho A\n", 0o755],
        }),
      ["scripts/a.sh"],
    ],
    ["a script's mode", (f) => chmodSync(join(f, "two/scripts/a.sh"), 0o644), ["scripts/a.sh"]],
    [
      "bytes moved between files",
      (f) =>
        void writeFiles(f, {
          "two/scripts/a.sh": ["#!/bin/sh\necho ", 0o755],
          "two/scripts/b.sh": ["a\n#!/bin/sh\necho b\n", 0o755],
        }),
      ["scripts/a.sh", "scripts/b.sh"],
    ],
    [
      "a renamed file",
      (f) => renameSync(join(f, "two/files/f.txt"), join(f, "two/files/g.txt")),
      ["files/f.txt", "files/g.txt"],
    ],
    ["an added file", (f) => void writeFiles(f, { "two/files/h.txt": "" }), ["files/h.txt"]],
    [
      "a variable in environment.yml",
      (f) =>
        void writeFiles(f, {
          "two/environment.yml": (CHAIN["two/environment.yml"] as string).replace("red", "blue"),
        }),
      ["variable colour"],
    ],
    ["a variable given", () => ({ variables: { two: { colour: "blue" } } }), ["variable colour"]],
    ["a declared variable in the environment", () => ({ environment: { colour: "blue" } }), ["variable colour"]],
    [
      "a parent's script",
      (f) =>
        void writeFiles(f, {
          "one/scripts/one.sh": ["#!/bin/sh\necho 1\n", 0o755],
        }),
      ["parent"],
    ],
    [
      "the base",
      (f) =>
        void writeFiles(f, {
          "one/manifest.yml": (CHAIN["one/manifest.yml"] as string).replaceAll("bbbb", "cccc"),
        }),
      ["parent"],
    ],
    ["the PAM public key", () => ({ pamPublicKeyFile: key }), ["variable pam_public_key"]],
    ["a proxy that stays", () => ({ environment: { proxy: "http://proxy.example:3128" } }), ["variable proxy"]],
    ["whether an optional secret is set", () => ({ environment: { VISA_ROOT_PASSWORD: "x" } }), ["packer"]],
    [
      "the order of steps",
      (f) =>
        void writeFiles(f, {
          "two/manifest.yml": manifest.replace("scripts/a.sh, scripts/b.sh", "scripts/b.sh, scripts/a.sh"),
        }),
      ["packer"],
    ],
    ["refresh", () => ({ cacheBuster: "2026-11" }), ["parent", "refresh"]],
  ])("changes with %s, and the inputs name it alone", (_, change, inputs) => {
    const folder = temporaryCatalog(CHAIN);
    const options = (change(folder) ?? {}) as Options;
    const after = last(run(folder, options));
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(changed(before, after)).toEqual(inputs);
  });

  test.each<[string, (folder: string) => unknown]>([
    ["the checkout's path and copied files", () => undefined],
    ["file times", (f) => utimesSync(join(f, "two/scripts/a.sh"), 1, 1)],
    ["permission bits that a umask decides", (f) => chmodSync(join(f, "two/scripts/a.sh"), 0o700)],
    [
      "the build machine",
      () => ({
        machine: {
          cpus: 7,
          memoryMb: 9000,
          accelerator: "tcg",
          headless: false,
        },
      }),
    ],
    ["headless", () => ({ environment: { headless: "false" } })],
    [
      "what editors, version control and Python leave in its folders",
      (f) =>
        void writeFiles(f, {
          "two/files/.DS_Store": "x",
          "two/files/.f.txt.swp": "x",
          "two/files/__pycache__/f.cpython-311.pyc": "x",
          "two/files/.git/config": "x",
        }),
    ],
    [
      "a preset and all else that environment.yml says of the build machine",
      (f) =>
        void writeFiles(f, {
          "two/environment.yml": `${CHAIN["two/environment.yml"]}machine: {preset: production, cpus: 3, timeout_minutes: 30, vnc_port: 5901, mirror: "http://x/"}\n`,
        }),
    ],
    ["a preset in code", () => ({ machine: { preset: "production", proxy: "http://build.example" } })],
    [
      "CPUs and memory in the template",
      (f) =>
        void writeFiles(f, {
          "two/manifest.yml": `${manifest}  builders:\n    - type: qemu\n      cpus: 4\n      memory: 8192\n      vnc_port_min: 6000\n      accelerator: kvm\n      qemuargs: [['-m', '8192'], ['-smp', '4']]\n`,
        }),
    ],
    [
      "unrelated environment variables",
      () => ({
        environment: {
          HOME: "/x",
          http_proxy: "http://build.example",
          PATH: "",
        },
      }),
    ],
    ["a variable that nothing uses", () => ({ variables: { two: { unused: 2 } } })],
    ["a file that no step reads", (f) => void writeFiles(f, { "two/notes.txt": "x" })],
    [
      "a description",
      (f) =>
        void writeFiles(f, {
          "two/manifest.yml": manifest.replace("packer:", "packer:\n  description: x"),
        }),
    ],
  ])("does not change with %s, nor does any input", (_, change) => {
    const folder = temporaryCatalog(CHAIN);
    const options = (change(folder) ?? {}) as Options;
    const after = last(run(folder, options));
    expect(changed(before, after)).toEqual([]);
    expect(after.fingerprint).toBe(before.fingerprint);
  });

  test("does not change with a secret's value, which appears nowhere", () => {
    const folder = temporaryCatalog(CHAIN);
    const a = run(folder, {
      environment: { VISA_ROOT_PASSWORD: "correct horse" },
    });
    const b = run(folder, {
      environment: { VISA_ROOT_PASSWORD_FILE: "/run/secrets/battery" },
    });
    expect(last(a).fingerprint).toBe(last(b).fingerprint);
    expect(JSON.stringify(a)).not.toContain("correct horse");
    expect(JSON.stringify(b)).not.toContain("battery");
    expect(last(a).secrets).toEqual([
      {
        name: "root_password",
        environment: "VISA_ROOT_PASSWORD",
        required: true,
      },
    ]);
    expect(last(run(folder)).secrets).toEqual([]);
    expect(last(run(folder, { secrets: { root_password: true } })).fingerprint).toBe(last(a).fingerprint);
  });

  test("changes with a refresh of a single layer, and with it what stands on it", () => {
    const folder = temporaryCatalog(CHAIN);
    const plain = run(folder).layers;
    const names = plain.map(({ name }) => name);
    const [first = "", second = ""] = names;
    const above = run(folder, { layerRefreshes: { [second]: "openssl 1 → 2 (security)" } }).layers;
    expect(above[0]).toEqual(plain[0]);
    expect(above[1]?.fingerprint).not.toBe(plain[1]?.fingerprint);
    expect(above[1]?.inputs.refresh).toBe("openssl 1 → 2 (security)");
    const all = run(folder, { cacheBuster: "2026-11", layerRefreshes: { [first]: "x", gone: "y" } }).layers;
    // An image that was downloaded is what it is; a bootstrapped base is made anew (specify.test.ts).
    expect(all[0]?.parent).toBe(plain[0]?.parent);
    expect(all.map(({ inputs }) => inputs.refresh)).toEqual(["2026-11; x", "2026-11"]);
  });

  test("has the golden value of version 1", () => {
    const folder = temporaryCatalog(CHAIN);
    expect(run(folder, { cacheBuster: "2026-11" }).layers.map(({ fingerprint }) => fingerprint)).toMatchInlineSnapshot(`
      [
        "f87facd57821f7e5002f7a0536a4f95d541c7e5c0c184c5239996c1abb0f502f",
        "a191599fb6b1230746b2936215696e8a64c08466104ba0404e077457e4648ab7",
      ]
    `);
  });
});
