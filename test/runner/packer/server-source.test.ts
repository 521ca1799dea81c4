import { runConfiguration } from "../../../lib/runner/packer/run-configuration";
import { beyondServer, type ServerSource } from "../../../lib/runner/packer/server-source";
import { specify } from "../../../lib/specify/specify";
import { Catalog } from "../../../lib/template/catalog";
import { Provisioner } from "../../../lib/template/provisioner";
import { Template, type TemplateOptions } from "../../../lib/template/template";
import { GUEST_FOLDER } from "../../fixtures/temporary-catalog";

// biome-ignore lint/suspicious/noExplicitAny: a configuration has no type of its own
type Json = any;

function rendered(options: TemplateOptions = {}): Json {
  const catalog = new Catalog([]).add(new Template("one", options));
  const [layer] = specify({ catalog, template: "one", environment: {}, guestFolder: GUEST_FOLDER }).layers;
  return layer?.configuration;
}

const server: ServerSource = {
  ...{ name: "visa-build-one-1", mark: "visa-build m", image: "i", flavor: "f", network: "n", securityGroups: ["g"] },
  endpointType: "public",
};
const settings = {
  ...({ access: "config-drive", accelerator: undefined, machine: { headless: true }, relayAddress: "" } as const),
  packerVersion: "1.6.6",
};

test("the same steps, in a server of the parent's image, with the same way in", () => {
  const own = rendered({
    provisioners: [Provisioner.shell({ inline: ["true"] })],
    builder: { ssh_timeout: "40m", memory: 512, qemuargs: [["-m", "512"]] },
  });
  const before = structuredClone(own);
  const { source, build, variable } = runConfiguration(own, { ...settings, server }) as Json;
  expect(own).toEqual(before);
  expect(variable).toEqual(own.variable);
  expect(source).toEqual({
    openstack: {
      one: {
        ...{ communicator: "ssh", ssh_username: "root", ssh_private_key_file: "build-key", ssh_timeout: "40m" },
        ...{ ssh_disable_agent_forwarding: true, ssh_handshake_attempts: 500 },
        ...{ flavor: "f", source_image: "i", image_name: "visa-build-one-1", instance_name: "visa-build-one-1" },
        ...{ metadata: { visa_build: "visa-build m" }, instance_metadata: { visa_build: "visa-build m" } },
        ...{ networks: ["n"], security_groups: ["g"], endpoint_type: "public" },
        ...{ config_drive: true, user_data_file: "seed/openstack/latest/user_data" },
      },
    },
  });
  const steps = before.build[0].provisioner;
  const report = { shell: { script: "visa-guest-report.sh" } };
  expect(build).toEqual([
    { sources: ["source.openstack.one"], provisioner: [...steps.slice(0, -1), report, ...steps.slice(-1)] },
  ]);
});

test("a floating address, a zone, and any certificate, where they are asked for", () => {
  const more = { floatingIp: "a", availabilityZone: "z", insecure: true };
  const { source } = runConfiguration(rendered(), { ...settings, server: { ...server, ...more } }) as Json;
  expect(source.openstack.one).toMatchObject({ floating_ip: "a", availability_zone: "z", insecure: true });
});

test("Packer 1.7 and later are told of the plugin for OpenStack, and not of QEMU's", () => {
  const { packer } = runConfiguration(rendered(), { ...settings, packerVersion: "1.11.2", server }) as Json;
  expect(packer.required_plugins).toEqual({
    openstack: { source: "github.com/hashicorp/openstack", version: ">= 1.0.0" },
  });
});

test("what is typed at a screen or read from a floppy is beyond a server", () => {
  expect(beyondServer(rendered())).toEqual([]);
  expect(beyondServer(rendered({ builder: { boot_command: "none" } }))).toEqual([]);
  expect(beyondServer(rendered({ builder: { boot_command: ["<enter>"] } }))).toEqual(["boot_command"]);
});
