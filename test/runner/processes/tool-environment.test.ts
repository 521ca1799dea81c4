import { toolEnvironment } from "../../../lib/runner/processes/tool-environment";
import { readTool } from "../../../lib/runner/processes/tools";

const SECRETS = {
  OS_PASSWORD: "secret",
  OS_APPLICATION_CREDENTIAL_SECRET: "secret",
  VISA_ROOT_PASSWORD: "secret",
  VISA_BUILD_PROXY: "http://jane:secret@proxy:1",
  TF_TOKEN_app_terraform_io: "secret",
  AWS_SECRET_ACCESS_KEY: "secret",
  GITHUB_TOKEN: "secret",
};
const PROXIES = { https_proxy: "http://jane:secret@proxy:1", NO_PROXY: "localhost" };
const OWN = { PATH: "/bin", HOME: "/home/jane", LANG: "C.UTF-8", VISA_IMAGE_RUN: "run", ...SECRETS, ...PROXIES };

test("a tool sees where things are, and no secret", () => {
  const { PATH, HOME, LANG, VISA_IMAGE_RUN } = OWN;
  expect(toolEnvironment(OWN)).toEqual({ PATH, HOME, LANG, VISA_IMAGE_RUN });
});

test("one that reaches the network sees how, and no other secret", () => {
  expect(toolEnvironment(OWN, true)).toEqual({ ...toolEnvironment(OWN), ...PROXIES });
});

test("it is what every tool gets unless its caller says otherwise", async () => {
  const before = { ...process.env };
  Object.assign(process.env, SECRETS);
  try {
    const masker = { mask: (line: string) => line, longest: 0 };
    const text = await readTool("env", [], { masker });
    expect(text).toMatch(/^PATH=/m);
    expect(text).not.toContain("secret");
  } finally {
    process.env = before;
  }
});

test("fails for a tool that answers without end", async () => {
  const masker = { mask: (line: string) => line, longest: 0 };
  await expect(readTool("yes", ["x".repeat(4000)], { masker })).rejects.toThrow('"yes" answered more than 64 MiB');
}, 60_000);
