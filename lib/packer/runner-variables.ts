/** Packer variables that the runner sets in every build: volatile, or known to the build alone. */
export const RUNNER_VARIABLES = {
  cpus: { type: "number", default: 2 },
  memory: { type: "number", default: 4096 },
  headless: { type: "bool", default: true },
  accelerator: { type: "string", default: "tcg" },
  cpu_model: { type: "string", default: "max" },
  vnc_bind_address: { type: "string", default: "127.0.0.1" },
  proxy: { type: "string", default: "" },
  no_proxy: { type: "string", default: "" },
  mirror: { type: "string", default: "" },
} as const;

/** In the scratch folder, the guest's serial console. */
export const CONSOLE_FILE = "console.log";
