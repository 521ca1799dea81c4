import { type Configuration, type RunSettings, runConfiguration } from "../../../lib/runner/packer/run-configuration";
import { specify } from "../../../lib/specify/specify";
import { Catalog } from "../../../lib/template/catalog";
import { Provisioner } from "../../../lib/template/provisioner";
import { Template, type TemplateOptions } from "../../../lib/template/template";
import { GUEST_FOLDER } from "../../fixtures/temporary-catalog";

function rendered(options: TemplateOptions = {}): Configuration {
  const catalog = new Catalog([]).add(new Template("one", options));
  const [layer] = specify({ catalog, template: "one", environment: {}, guestFolder: GUEST_FOLDER }).layers;
  return layer?.configuration as Configuration;
}

const machine = { headless: true };
const OLD: RunSettings = {
  ...{ access: "config-drive", accelerator: "kvm", machine, packerVersion: "1.6.6" },
  relayAddress: "127.1.2.3",
};

type Source = Readonly<Record<string, unknown>> & { readonly qemuargs: string[][] };
const sourceOf = ({ source }: Configuration) => (source as { qemu: { one: Source } }).qemu.one;
const stepsOf = ({ build }: Configuration) => (build as { provisioner: object[] }[])[0]?.provisioner ?? [];
const added = (before: Configuration, after: Configuration) =>
  sourceOf(after).qemuargs.slice(sourceOf(before).qemuargs.length);

test("all that a run changes in a rendered configuration, in this order", () => {
  const own = rendered({ provisioners: [Provisioner.shell({ inline: ["true"] })] });
  const before = structuredClone(own);
  const changed = runConfiguration(own, {
    ...OLD,
    access: "credentials",
    accelerator: "tcg",
    machine: { headless: true, vncAddress: "127.0.0.1", vncPort: 5907 },
    packerVersion: "1.11.2",
  });
  expect(own).toEqual(before);
  const { cd_files, cd_label, ...source } = sourceOf(own);
  expect([cd_files, cd_label]).toEqual([["seed/openstack"], "config-2"]);
  const steps = stepsOf(own);
  const credential = "name=opt/io.systemd.credentials";
  // As Packer reads it: a setting that is undefined is not written.
  expect(JSON.parse(JSON.stringify(changed))).toEqual({
    packer: { required_plugins: { qemu: { source: "github.com/hashicorp/qemu", version: ">= 1.0.0" } } },
    variable: own.variable,
    source: {
      qemu: {
        one: {
          ...source,
          ssh_host: "127.1.2.3",
          vnc_use_password: true,
          qmp_enable: true,
          qemu_binary: "./qemu",
          vnc_port_min: 5907,
          vnc_port_max: 5907,
          qemuargs: [
            ...source.qemuargs,
            ["-fw_cfg", `${credential}/ssh.authorized_keys.root,file=credentials/ssh.authorized_keys.root`],
            ["-fw_cfg", `${credential}/tmpfiles.extra,file=credentials/tmpfiles.extra`],
            ["-fw_cfg", `${credential}/sysctl.extra,string=kernel.randomize_va_space=0`],
            ["-nodefaults"],
            ["-vga", "std"],
            ["-vnc", "127.0.0.1:7,password=on"],
            ["-chardev", "socket,id=visa-monitor,path=monitor,server=on,wait=off"],
            ["-mon", "chardev=visa-monitor,mode=control"],
          ],
        },
      },
    },
    build: [
      {
        sources: ["source.qemu.one"],
        provisioner: [...steps.slice(0, -1), { shell: { script: "visa-guest-report.sh" } }, ...steps.slice(-1)],
      },
    ],
  });
});

test("with KVM, Packer 1.6 and a config drive little is changed", () => {
  const own = rendered();
  const changed = runConfiguration(own, OLD);
  expect(Object.keys(changed)).toEqual(Object.keys(own));
  expect(sourceOf(changed)).toMatchObject({ cd_files: ["seed/openstack"], cd_label: "config-2" });
  expect(sourceOf(changed)).not.toHaveProperty("vnc_port_min");
  const names = added(own, changed).map(([name]) => name);
  expect(names).toEqual(["-nodefaults", "-vga", "-vnc", "-display", "-chardev", "-mon"]);
});

describe("VNC", () => {
  const screen = (own: Configuration, more: Partial<RunSettings["machine"]> = {}) => {
    const changed = runConfiguration(own, { ...OLD, machine: { ...machine, ...more } });
    const { disable_vnc, vnc_use_password, qmp_enable } = sourceOf(changed);
    const args = added(own, changed).filter(([name]) => name === "-vnc" || name === "-display");
    return { disable_vnc, vnc_use_password, qmp_enable, args };
  };
  const none = { disable_vnc: true, vnc_use_password: undefined, qmp_enable: undefined };
  const open = { disable_vnc: undefined, vnc_use_password: true, qmp_enable: true };

  test("is off where nobody has asked for a screen", () => {
    const args = [["-vnc", "none"]];
    expect(screen(rendered())).toEqual({ ...none, args: [...args, ["-display", "none"]] });
    expect(screen(rendered(), { headless: false })).toEqual({ ...none, args });
  });

  test("has a password where somebody has, or Packer types", () => {
    expect(screen(rendered(), { vncAddress: "127.0.0.1" })).toEqual({ ...open, args: [] });
    expect(screen(rendered(), { vncPort: 5901 })).toEqual({ ...open, args: [["-vnc", "127.0.0.1:1,password=on"]] });
    expect(screen(rendered({ builder: { boot_command: ["<enter>"] } }))).toEqual({ ...open, args: [] });
  });
});

test("nobody gets into an installation: it has no report, and no way in", () => {
  const { access: _, ...settings } = OLD;
  const own = rendered();
  expect(stepsOf(runConfiguration(own, settings))).toEqual(stepsOf(own));
  expect(sourceOf(runConfiguration(own, settings))).toMatchObject({ cd_label: "config-2" });
});

test("a folder's content goes into a folder or fails, whatever scp would make of it", () => {
  const copies = (...steps: object[]) => {
    const own = rendered();
    const [build] = own.build as [object];
    const changed = runConfiguration(
      { ...own, build: [{ ...build, provisioner: steps.map((file) => ({ file })) }] },
      OLD,
    );
    return stepsOf(changed).flatMap((step) =>
      "file" in step ? (step.file as { destination: string }).destination : [],
    );
  };
  expect(
    copies(
      { source: "files/one/x/", destination: "/opt/x" },
      { sources: ["files/one/x/", "files/one/y/"], destination: "/opt/x/" },
      { source: "files/one/x", destination: "/opt/x" },
      { source: "files/one/a.txt", destination: "/opt/" },
    ),
  ).toEqual(["/opt/x/.", "/opt/x/.", "/opt/x", "/opt/"]);
});

test("the report stands before the seal, else last", () => {
  const configuration = (...provisioner: object[]) => ({ source: { qemu: {} }, build: [{ provisioner }] });
  const step = { shell: { script: "visa-guest-report.sh" } };
  const own = { shell: { inline: ["true"] } };
  const seal = { shell: { script: "guest/seal.sh" } };
  expect(stepsOf(runConfiguration(configuration(own, seal), OLD))).toEqual([own, step, seal]);
  expect(stepsOf(runConfiguration(configuration(own), OLD))).toEqual([own, step]);
  expect(stepsOf(runConfiguration(configuration(), OLD))).toEqual([step]);
});

test("a template's own screen stays", () => {
  const argumentsWith = (...qemuargs: string[][]) => {
    const own = rendered({ builder: { qemuargs } });
    return added(own, runConfiguration(own, OLD)).slice(0, -4);
  };
  expect(argumentsWith()).toEqual([["-nodefaults"], ["-vga", "std"]]);
  for (const own of [
    ["-vga", "none"],
    ["-device", "virtio-vga"],
    ["-device", "qxl-vga,id=a"],
  ]) {
    expect(argumentsWith(own)).toEqual([["-nodefaults"]]);
  }
  expect(argumentsWith(["-device", "virtio-rng-pci"])).toEqual([["-nodefaults"], ["-vga", "std"]]);
});

test("Packer is told of the relay where it talks to the guest at all, and QEMU keeps to its own address", () => {
  const configured = (communicator: string, ...qemuargs: string[][]) =>
    sourceOf(runConfiguration({ source: { qemu: { one: { communicator, qemuargs } } } }, OLD));
  const own = ["-netdev", "user,id=user.0,hostfwd=tcp::{{.SSHHostPort}}-:22,hostfwd=tcp::8080-:80"];
  const kept = ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{.SSHHostPort}}-:22,hostfwd=tcp::8080-:80"];
  expect(configured("ssh", own)).toMatchObject({ ssh_host: "127.1.2.3" });
  expect(configured("ssh", ["-m", "1"], own).qemuargs.slice(0, 2)).toEqual([["-m", "1"], kept]);
  expect(configured("ssh", kept).qemuargs[0]).toEqual(kept);
  expect(configured("none", own)).not.toHaveProperty("ssh_host");
  expect(configured("none", own).qemuargs[0]).toEqual(own);
});

test("the plugin of ansible is asked for where a step needs it", () => {
  const configuration = { source: { qemu: {} }, build: [{ provisioner: [{ "ansible-local": {} }] }] };
  expect(runConfiguration(configuration, { ...OLD, packerVersion: "1.7.0" })).toMatchObject({
    packer: { required_plugins: { qemu: {}, ansible: { source: "github.com/hashicorp/ansible" } } },
  });
});

test("it stops for checkpoints after the template's steps, before what the runner adds at the end", () => {
  const own = rendered({
    provisioners: [Provisioner.shell({ inline: "three" }), Provisioner.shell({ inline: "four" })],
  });
  const steps = stepsOf(own);
  const environment_vars = ["VISA_CHECKPOINT=4"];
  expect(stepsOf(runConfiguration(own, { ...OLD, checkpoints: { done: 2, after: [4] } }))).toEqual([
    ...steps.slice(0, -1),
    { shell: { script: "visa-checkpoint.sh", environment_vars } },
    { "shell-local": { script: "visa-checkpoint-wait.sh", environment_vars } },
    { shell: { script: "visa-guest-report.sh" } },
    steps.at(-1),
  ]);
});
