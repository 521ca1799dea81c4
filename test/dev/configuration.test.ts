import { execFileSync } from "node:child_process";
import { cloudsYaml, openrc, shellEnvironment } from "../../dev/embedded-cloud/clients";
import { glanceConfiguration } from "../../dev/embedded-cloud/services/glance";
import { keystoneConfiguration } from "../../dev/embedded-cloud/services/keystone";
import { MESSAGES_VARIABLES } from "../../dev/embedded-cloud/services/messages";
import { neutronConfiguration } from "../../dev/embedded-cloud/services/neutron";
import { novaConfiguration } from "../../dev/embedded-cloud/services/nova";

const settings = {
  folder: "/some folder/it's mine",
  ports: { keystone: 20001, glance: 20002 },
  adminPassword: "secret-of-admin",
  glancePassword: "secret-of-glance",
};

/** Sources the text in a shell and prints one variable. */
function evaluated(text: string, variable: string, env: Record<string, string> = {}): string {
  return execFileSync("bash", ["-c", `eval "$1"; printf %s "\${!2-unset}"`, "bash", text, variable], {
    env: { PATH: process.env.PATH ?? "", ...env },
    encoding: "utf8",
  });
}

describe("the embedded cloud's files", () => {
  it("name nothing in /etc or /var", () => {
    const text = keystoneConfiguration(settings) + glanceConfiguration(settings, "/paste.ini");
    expect(text.split("\n").filter((line) => /^[^#]*[=:/ ]\/(etc|var)\//.test(line))).toEqual([]);
  });

  it("set every key repository that Keystone would else put into /etc", () => {
    // Receipts too: `bootstrap` makes their keys in /etc/keystone as root, and fails as an ordinary user.
    for (const section of ["fernet_tokens", "fernet_receipts", "credential"]) {
      expect(keystoneConfiguration(settings)).toMatch(
        new RegExp(`^\\[${section}\\]\n(#.*\n)?key_repository = /some folder/`, "m"),
      );
    }
  });

  it("set every folder that Glance would else put into /var/lib", () => {
    const text = glanceConfiguration(settings, "/paste.ini");
    for (const section of ["file", "os_glance_staging_store", "os_glance_tasks_store"]) {
      expect(text).toMatch(new RegExp(`^\\[${section}\\]\nfilesystem_store_datadir = /some folder/`, "m"));
    }
  });

  it("hand the password to clients only by clouds.yaml and openrc", () => {
    expect(JSON.parse(cloudsYaml(settings)).clouds.embedded).toMatchObject({
      auth: { auth_url: "http://127.0.0.1:20001/v3", password: "secret-of-admin", project_name: "admin" },
      region_name: "RegionOne",
    });
    expect(evaluated(openrc(settings), "OS_PASSWORD")).toBe("secret-of-admin");
    expect(shellEnvironment(settings, undefined)).not.toContain("secret");
  });
});

describe("the files of a full one", () => {
  const full = {
    ports: { placement: 20003, nova: 20004, neutron: 20005 },
    servicePassword: "secret-of-services",
    memberPassword: "secret-of-member",
  };

  it("have the ordinary user too, and the admin as in a small one", () => {
    const { clouds } = JSON.parse(cloudsYaml({ ...settings, full }));
    expect(clouds.embedded).toEqual(JSON.parse(cloudsYaml(settings)).clouds.embedded);
    expect(clouds["embedded-member"].auth).toMatchObject({ username: "member", project_name: "member" });
    expect(evaluated(shellEnvironment(settings, undefined, "embedded-member"), "OS_CLOUD")).toBe("embedded-member");
  });

  it("let Nova use KVM only where it was seen to run", () => {
    expect(novaConfiguration({ ...settings, full }, "kvm")).toMatch(/^virt_type = kvm$/m);
    expect(novaConfiguration({ ...settings, full }, "tcg")).toMatch(/^virt_type = qemu$/m);
  });

  it("start no filter in Python before each of the helpers and commands of Nova and Neutron", () => {
    expect(novaConfiguration({ ...settings, full }, "tcg")).toMatch(
      /^\[workarounds\]\n(#.*\n)?disable_rootwrap = true$/m,
    );
    expect(neutronConfiguration({ ...settings, full })).toMatch(/^\[agent\]\n(#.*\n)?root_helper = sudo$/m);
  });

  it("take nothing for dead that is only slow", () => {
    expect(novaConfiguration({ ...settings, full }, "tcg")).toMatch(/^service_down_time = 300$/m);
    expect(neutronConfiguration({ ...settings, full })).toMatch(/^agent_down_time = 300$/m);
  });

  it("give RabbitMQ its name from the first moment on: to change it takes longer than Erlang waits on a busy machine", () => {
    const { RABBITMQ_NODENAME: name, RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: args } = MESSAGES_VARIABLES;
    expect(args).toMatch(new RegExp(`^-sname ${name} `));
  });
});

describe("the shell environment", () => {
  it("quotes the folder", () => {
    const text = shellEnvironment(settings, undefined);
    expect(evaluated(text, "OS_CLIENT_CONFIG_FILE")).toBe("/some folder/it's mine/clouds.yaml");
  });

  it("leaves nothing of another cloud", () => {
    const text = shellEnvironment(settings, undefined);
    expect(evaluated(text, "OS_AUTH_URL", { OS_AUTH_URL: "http://elsewhere:5000" })).toBe("unset");
    expect(evaluated(text, "OS_PASSWORD", { OS_PASSWORD: "other" })).toBe("unset");
  });

  it("goes past a proxy, and keeps the hosts that did before", () => {
    expect(evaluated(shellEnvironment(settings, "mirror.example,127.0.0.1"), "no_proxy")).toBe(
      "mirror.example,127.0.0.1,localhost",
    );
  });
});
