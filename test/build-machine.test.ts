import { checkMachine, machineFromEnvironment, machineSettings, readVnc, resolveMachine } from "../lib/build-machine";
import type { MachineOptions } from "../lib/specification";

test("without a word from anybody it has 2 CPUs, 4 GiB, no window, and a screen on loopback", () => {
  expect(resolveMachine({ environment: {} })).toEqual({
    builder: "qemu",
    cpus: 2,
    memoryMb: 4096,
    accelerator: "auto",
    headless: true,
    nested: false,
    checkpoints: true,
    timeoutMinutes: 240,
    proxy: "",
    noProxy: "",
  });
});

// The strongest first. Each says every setting that its place can say.
const PLACES = {
  commandLine: {
    builder: "openstack",
    flavor: "five",
    network: "five",
    floatingIpPool: "five",
    securityGroups: "five",
    availabilityZone: "five",
    cpus: 5,
    memoryMb: 5005,
    timeoutMinutes: 50,
    checkpoints: false,
    mirror: "http://five/",
    headless: false,
    vncPort: 5905,
    ca: "/5.pem",
  },
  code: {
    builder: "qemu",
    flavor: "four",
    network: "four",
    floatingIpPool: "four",
    securityGroups: "four",
    availabilityZone: "four",
    cpus: 4,
    memoryMb: 5004,
    timeoutMinutes: 40,
    checkpoints: true,
    mirror: "http://four/",
    headless: true,
    vncPort: 5904,
    ca: "/4.pem",
  },
  environment: {
    builder: "openstack",
    flavor: "three",
    network: "three",
    floatingIpPool: "three",
    securityGroups: "three",
    availabilityZone: "three",
    cpus: 3,
    memoryMb: 5003,
    timeoutMinutes: 30,
    checkpoints: false,
    mirror: "http://three/",
    headless: false,
    vncPort: 5903,
    ca: "/3.pem",
  },
  template: {
    builder: "qemu",
    flavor: "two",
    network: "two",
    floatingIpPool: "two",
    securityGroups: "two",
    availabilityZone: "two",
    cpus: 2,
    memoryMb: 5002,
    timeoutMinutes: 20,
    checkpoints: true,
    mirror: "http://two/",
    headless: true,
    vncPort: 5902,
    ca: "/2.pem",
  },
} satisfies Record<string, MachineOptions>;
const ENVIRONMENT = {
  VISA_BUILDER: "openstack",
  VISA_BUILD_FLAVOR: "three",
  VISA_BUILD_NETWORK: "three",
  VISA_BUILD_FLOATING_IP_POOL: "three",
  VISA_BUILD_SECURITY_GROUPS: "three",
  VISA_BUILD_AVAILABILITY_ZONE: "three",
  VISA_BUILD_CPUS: "3",
  VISA_BUILD_MEMORY: "5003",
  VISA_BUILD_TIMEOUT: "30",
  VISA_BUILD_CHECKPOINTS: "false",
  VISA_DEBIAN_MIRROR: "http://three/",
  VISA_BUILD_HEADLESS: "false",
  VISA_BUILD_VNC: "127.0.0.1:5903",
  VISA_BUILD_CA: "/3.pem",
};

test.each(["commandLine", "code", "environment", "template"] as const)("%s goes before what is below it", (place) => {
  const { commandLine, code, template } = PLACES;
  const order = ["commandLine", "code", "environment", "template"];
  const said = (other: string) => order.indexOf(other) >= order.indexOf(place);
  const machine = resolveMachine({
    commandLine: said("commandLine") ? commandLine : undefined,
    code: said("code") ? code : undefined,
    environment: said("environment") ? ENVIRONMENT : {},
    template,
  });
  expect(machine).toMatchObject(PLACES[place]);
});

describe("presets", () => {
  test.each([
    ["trial", { cpus: 1, memoryMb: 4096 }],
    ["production", { cpus: 2, memoryMb: 8192 }],
  ] as const)("%s", (preset, size) => {
    expect(resolveMachine({ environment: {}, code: { preset } })).toMatchObject(size);
    expect(resolveMachine({ environment: { VISA_BUILD_PRESET: preset } })).toMatchObject(size);
    expect(resolveMachine({ environment: {}, template: { preset } })).toMatchObject(size);
  });

  test("give way to a number from the same place, and go before one from a weaker place", () => {
    const environment = { VISA_BUILD_PRESET: "production", VISA_BUILD_CPUS: "6" };
    expect(resolveMachine({ environment })).toMatchObject({ cpus: 6, memoryMb: 8192 });
    const commandLine = { preset: "trial" } as const;
    expect(resolveMachine({ environment, commandLine })).toMatchObject({ cpus: 1, memoryMb: 4096 });
  });
});

test("the original's variables count, and an empty one of ours says none", () => {
  const original = { VISA_HTTP_PROXY: "http://proxy:3128", VISA_NO_PROXY_HOSTS: "a,b", headless: "no" };
  const machine = { proxy: "http://proxy:3128", noProxy: "a,b", headless: false };
  expect(machineFromEnvironment(original)).toMatchObject(machine);
  expect(machineFromEnvironment({ ...original, VISA_BUILD_PROXY: "", VISA_BUILD_HEADLESS: "true" })).toMatchObject({
    proxy: "",
    headless: true,
  });
});

test("every setting says where it was said", () => {
  const settings = machineSettings({
    code: { preset: "production" },
    environment: { VISA_BUILD_NESTED: "yes" },
    template: { cpuModel: "EPYC" },
  });
  expect(settings.map(({ name, value, origin }) => `${name} ${value}: ${origin}`)).toEqual(
    expect.arrayContaining([
      "memoryMb 8192: code (production)",
      "nested true: the environment",
      "cpuModel EPYC: the template",
      "accelerator auto: the default",
    ]),
  );
});

test.each([
  ["127.0.0.1", { vncAddress: "127.0.0.1" }],
  ["0.0.0.0:5901", { vncAddress: "0.0.0.0", vncPort: 5901 }],
])("VNC at %s", (text, options) => {
  expect(readVnc(text, "--vnc")).toEqual(options);
});

describe("fails for", () => {
  test.each(["localhost:5901", "5901", "[::1]:5901", "127.0.0.1:", "127.0.0.1:80", "127.0.0.1:70000"])(
    "VNC at %s, with an example",
    (text) => {
      expect(() => readVnc(text, "VISA_BUILD_VNC")).toThrow(/VISA_BUILD_VNC.*\n {2}fix: .*(5901|5900)/);
    },
  );

  test.each<[string, Record<string, string>, RegExp]>([
    [
      "a preset that is not there",
      { VISA_BUILD_PRESET: "large" },
      /VISA_BUILD_PRESET is "large"\n.*trial or production/,
    ],
    ["no number of CPUs", { VISA_BUILD_CPUS: "two" }, /VISA_BUILD_CPUS is "two"\n.*whole number/],
    ["no accelerator", { VISA_BUILD_ACCELERATOR: "hvf" }, /VISA_BUILD_ACCELERATOR is "hvf"\n.*auto or kvm or tcg/],
    ["no builder", { VISA_BUILDER: "vmware" }, /VISA_BUILDER is "vmware"\n.*qemu or openstack/],
    ["neither yes nor no", { VISA_BUILD_NESTED: "maybe" }, /VISA_BUILD_NESTED is "maybe"/],
    ["options of QEMU instead of a CPU", { VISA_BUILD_CPU_MODEL: "host -device x" }, /is no name of a CPU/],
  ])("%s in the environment", (_, environment, message) => {
    expect(() => machineFromEnvironment(environment)).toThrow(message);
  });

  test("half a CPU", () => {
    expect(() => checkMachine({ cpus: 0.5 }, "machine")).toThrow(/machine: "0.5" is no number of cpus/);
  });
});
