import type { LayerSpecification } from "../../lib/specification";
import { specify } from "../../lib/specify/specify";
import { Catalog } from "../../lib/template/catalog";
import { Provisioner } from "../../lib/template/provisioner";
import { Template, type TemplateOptions } from "../../lib/template/template";
import { GUEST_FOLDER, specifyChain, temporaryCatalog } from "../fixtures/temporary-catalog";

function layer(options: TemplateOptions, onWarning?: (warning: string) => void): LayerSpecification {
  const catalog = new Catalog([]).add(new Template("one", options));
  const { layers } = specify({ catalog, template: "one", environment: {}, guestFolder: GUEST_FOLDER, onWarning });
  return layers[0] as LayerSpecification;
}

type Json = Record<string, unknown>;
const source = (own: LayerSpecification) =>
  (own.configuration.source as { qemu: Record<string, Json> }).qemu.one as Json;
const steps = (own: LayerSpecification) =>
  (own.configuration.build as { provisioner: Json[] }[])[0]?.provisioner as Json[];

test("a template without a builder has the build defaults, on the parent's disk and relative paths alone", () => {
  expect(source(layer({}))).toMatchObject({
    disk_cache: "unsafe",
    disk_discard: "unmap",
    disk_detect_zeroes: "unmap",
    disk_interface: "virtio",
    skip_compaction: true,
    use_backing_file: true,
    disk_image: true,
    iso_url: "parent.qcow2",
    format: "qcow2",
    qemu_img_args: { create: ["-F", "qcow2"] },
    ssh_private_key_file: "build-key",
    ssh_username: "root",
    cd_files: ["seed/openstack"],
    cd_label: "config-2",
    output_directory: "output",
    vm_name: "disk.qcow2",
    shutdown_command: "systemctl poweroff",
    disk_size: "10G",
    qemuargs: [
      ["-cpu", "${var.cpu_model}"],
      ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
      ["-serial", "file:console.log"],
    ],
  });
});

test("what is volatile is a variable", () => {
  const own = layer({
    builder: { cpus: 8, memory: "2048", headless: "no", accelerator: "kvm", vnc_bind_address: "0.0.0.0" },
  });
  for (const name of ["cpus", "memory", "headless", "accelerator", "vnc_bind_address"]) {
    expect(source(own)[name]).toBe(`\${var.${name}}`);
    expect(own.configuration.variable).toHaveProperty(name);
  }
  expect(own.machine).toEqual({ cpus: 8, memoryMb: 2048 });
});

test("other settings of the builder pass through, in the types that Packer wants", () => {
  const builder = {
    ssh_timeout: "1h",
    ssh_handshake_attempts: "{{ n }}",
    ssh_pty: "yes",
    net_device: "e1000",
    boot_command: ["<enter>"],
  };
  expect(source(layer({ builder, variables: { n: 7 } }))).toMatchObject({
    ssh_timeout: "1h",
    ssh_handshake_attempts: 7,
    ssh_pty: true,
    net_device: "e1000",
    boot_command: ["<enter>"],
  });
  expect(source(layer({ builder: { boot_command: "none" } }))).not.toHaveProperty("boot_command");
});

test("arguments of QEMU keep the serial console, and leave out memory and processors", () => {
  const own = layer({
    builder: {
      qemuargs: [
        ["-m", "1G"],
        ["-smp", "2"],
        ["-cpu", "max"],
      ],
    },
  });
  expect(source(own).qemuargs).toEqual([
    ["-cpu", "max"],
    ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
    ["-serial", "file:console.log"],
  ]);
  expect(() => layer({ builder: { qemuargs: [["-drive", "x"]] } })).toThrow(/takes the place of the layer's own disk/);
});

test.each([
  ["1G", "2", { cpus: 2, memoryMb: 1024 }],
  ["size=2048M,slots=1", "cpus=3,cores=3", { cpus: 3, memoryMb: 2048 }],
  ["lots", "cores=2", { cpus: 1, memoryMb: 512 }],
])(
  "memory (-m %s) and processors (-smp %s) among the arguments are wishes for the build machine",
  (m, smp, machine) => {
    const qemuargs = [
      ["-m", m],
      ["-smp", smp],
    ];
    expect(layer({ builder: { cpus: 1, memory: 512, qemuargs } }).machine).toEqual(machine);
  },
);

test("the build prepares the guest first and seals it last", () => {
  const own = layer({ provisioners: [Provisioner.shell({ inline: "true" })] });
  expect(
    steps(own)
      .map((step) => JSON.stringify(step))
      .join("\n"),
  ).toMatch(/ca\.crt[^\n]*\n[^\n]*prepare\.sh[^\n]*\n[^\n]*"true"[^\n]*\n[^\n]*seal\.sh/);
});

test("what is literal stays literal, and secrets are variables", () => {
  const own = layer({ provisioners: [Provisioner.shell({ inline: [`echo \${HOME} {{ root_password }}`] })] });
  expect(steps(own).at(-2)).toEqual({ shell: { inline: [`echo $\${HOME} \${var.root_password}`] } });
  expect(own.configuration.variable).toMatchObject({ root_password: { type: "string", sensitive: true } });
});

test("steps for other builders are left out, and overrides for this one applied", () => {
  const own = layer({
    provisioners: [
      Provisioner.of("shell", { inline: ["a"], only: ["virtualbox-iso"] }),
      Provisioner.of("shell", { inline: ["b"], except: ["qemu"] }),
      Provisioner.of("shell", { inline: ["c"], only: ["qemu"], override: { qemu: { inline: ["d"] } } }),
    ],
  });
  expect(steps(own).slice(3, -1)).toEqual([{ shell: { inline: ["d"] } }]);
});

test("a build goes on from no checkpoint after a step that says so, up to one that says otherwise; Packer sees none of it", () => {
  const inline = (text: string, resume?: boolean) => Provisioner.shell({ inline: text, resume });
  const own = layer({ provisioners: [inline("a"), inline("b", false), inline("c"), inline("d", true)] });
  expect(own.unresumable).toEqual([2, 3]);
  expect(steps(own).slice(3, -1)).toEqual(["a", "b", "c", "d"].map((text) => ({ shell: { inline: [text] } })));
  expect(own.fingerprint).toBe(layer({ provisioners: ["a", "b", "c", "d"].map((text) => inline(text)) }).fingerprint);
});

test("folders keep the slash that says to copy their content, and the http folder is served", () => {
  const directory = temporaryCatalog({ "files/a": "", "files/b/c": "", "http/preseed.cfg": "" });
  const own = layer({
    directory,
    builder: {},
    provisioners: [Provisioner.file({ source: "files/", destination: "/x" })],
  });
  expect(steps(own)[3]).toEqual({ file: { source: "files/one/files/", destination: "/x" } });
  expect(source(own).http_directory).toBe("files/one/http");
  expect(own.files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["files/one/files/a", "files/one/files/b/c", "files/one/http/preseed.cfg"]),
  );
});

test("what is volatile is no part of what is fingerprinted", () => {
  const own = layer({ builder: { vnc_port_min: 6000 } });
  expect(own.configuration).not.toHaveProperty("packer");
  expect(source(own)).not.toHaveProperty("vnc_port_min");
});

test("the pause between the keys of a boot command is the builder's own", () => {
  const builder = { boot_command: ["<enter>"], boot_key_interval: "50ms" };
  expect(source(layer({ builder }))).toMatchObject(builder);
});

test.each<[string[][], string[][]]>([
  [[["-cpu", "host"], ["-enable-kvm"], ["-smp", "2"]], [["-cpu", "${var.cpu_model}"]]],
  [
    [
      ["-cpu", "host,+vmx"],
      ["-enable-kvm", ""],
    ],
    [["-cpu", "${var.cpu_model}"]],
  ],
  [
    [
      ["-machine", "type=q35,accel=kvm"],
      ["-cpu", "EPYC"],
    ],
    [
      ["-machine", "type=q35"],
      ["-cpu", "EPYC"],
    ],
  ],
  [
    [["-M", "accel=kvm:tcg,q35"]],
    [
      ["-M", "q35"],
      ["-cpu", "${var.cpu_model}"],
    ],
  ],
  [[["-machine", "accel=kvm"]], [["-cpu", "${var.cpu_model}"]]],
])("what runs the machine is the runner's: %j", (qemuargs, left) => {
  const own = layer({ builder: { qemuargs, cpu_model: "host" } });
  const kept = (source(own).qemuargs as string[][]).filter(
    ([name]) => !["-netdev", "-serial"].includes(name as string),
  );
  expect(kept).toEqual(left);
  expect(source(own).cpu_model).toBeUndefined();
  expect(own.machine.cpuModel).toBeUndefined();
});

test.each(["10", "10 s", "ten", "", "1.5", "-5s"])("fails for %j as a duration, wherever one is needed", (text) => {
  const message = /is not a duration, which ".*" needs\n {2}fix: a number with a unit/;
  for (const key of ["pause_before", "timeout", "start_retry_timeout", "pause_after"]) {
    expect(() => layer({ provisioners: [Provisioner.of("shell", { inline: "true", [key]: text })] })).toThrow(message);
  }
  for (const key of ["boot_wait", "shutdown_timeout", "ssh_timeout", "boot_key_interval"]) {
    expect(() => layer({ builder: { [key]: text } })).toThrow(message);
  }
});

test.each(["10s", "1m30s", "500ms", "1.5h", "0"])("%s is a duration", (text) => {
  expect(() => layer({ builder: { boot_wait: text } })).not.toThrow();
});

test("fails for a download, and for a second builder", () => {
  expect(() =>
    layer({
      provisioners: [Provisioner.of("file", { source: "a", destination: "b", direction: "download" })],
      directory: temporaryCatalog({ a: "" }),
    }),
  ).toThrow(/cannot be downloaded/);
});

describe("fails for a copy that cannot be made in the guest", () => {
  const copy = (...copies: [string, string][]) => {
    const files = copies.map(([source, destination]) => ({ type: "file", source, destination }));
    const directory = temporaryCatalog({
      "config.yml": "templates: {two: {}}",
      "two/manifest.yml": `packer:\n  provisioners:\n${files.map((file) => `    - ${JSON.stringify(file)}\n`).join("")}`,
      "two/a.txt": "a",
      "two/files/b.txt": "b",
    });
    return () => specifyChain(directory);
  };

  test("to where a folder is", () => {
    expect(copy(["a.txt", "/opt/"], ["files", "/opt/files"], ["files/", "/opt/files"])).not.toThrow();
    expect(copy(["a.txt", "/opt"])).toThrow(
      /manifest\.yml:3:\d+: "\/opt" is a folder, where a file is to be copied to\n {2}fix: "destination: \/opt\/"/,
    );
    expect(copy(["files", "/srv/x"], ["a.txt", "/srv/x"])).toThrow(/manifest\.yml:4:\d+: "\/srv\/x" is a folder/);
  });

  test("of a folder to where a file is", () => {
    expect(copy(["a.txt", "/srv/x"], ["files/", "/srv/x"])).toThrow(
      /manifest\.yml:4:\d+: "\/srv\/x" is a file of an earlier step, where a folder is needed/,
    );
  });
});

test("apt's lists are fetched before the template's own steps, but where these begin with it", () => {
  const lists = (...own: Provisioner[]) => {
    const scripts = steps(layer({ provisioners: own })).map(({ shell }) => (shell ?? {}) as Json);
    const prepare = scripts.find(({ script }) => script === "guest/prepare.sh") as Json;
    return (prepare.environment_vars as string[]).includes("VISA_BUILD_LISTS=own");
  };
  const install = Provisioner.shell({ inline: ["apt-get install -y x"] });
  const update = Provisioner.shell({ inline: ["set -e", "apt-get update && apt-get install -y x"] });
  expect([lists(), lists(install), lists(update), lists(install, update), lists(update, install)]).toEqual([
    false,
    false,
    true,
    false,
    true,
  ]);
});
