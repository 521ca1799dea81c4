import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, TerraformStack } from "cdktf";
import { VisaFlavor } from "../../lib/constructs/visa-flavor";
import { VisaImage } from "../../lib/constructs/visa-image";
import { scratchFolder } from "../support/scratch";

/** A stack in an app of this version. */
function stackOf(version?: string): TerraformStack {
  const stack = new TerraformStack(new App({ outdir: scratchFolder() }), "images");
  if (version) stack.node.setContext("cdktfVersion", version);
  new OpenstackProvider(stack, "openstack");
  return stack;
}

test("an app of the framework that is found here is taken, and one of another patch release", () => {
  const { version } = require("cdktf/package.json");
  expect(() => new VisaFlavor(stackOf(), "a", { vcpus: 2, ramMb: 4096, diskGb: 10 })).not.toThrow();
  const patch = version.replace(/\d+$/, "77");
  expect(() => new VisaFlavor(stackOf(patch), "a", { vcpus: 2, ramMb: 4096, diskGb: 10 })).not.toThrow();
});

test("fails for an app of another one, with what to install", () => {
  const { name, version } = require("cdktf/package.json");
  for (const [other, their] of [
    ["cdktn", "0.99.1"],
    ["cdktf", "0.20.7"],
  ] as const) {
    expect(() => new VisaImage(stackOf(their), "desktop", { template: "visa-apps" })).toThrow(
      `this app is one of ${other}@${their}, and the constructs found ${name}@${version}, which is installed beside it\n` +
        `  fix: npm uninstall cdktf cdktn && npm install ${other}@${their}; where another package needs the other name too: npm install cdktf@npm:cdktn`,
    );
  }
});
