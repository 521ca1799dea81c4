import { App, TerraformStack } from "cdktf";
import { VisaImage } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "desktops");
new OpenstackProvider(stack, "openstack");

new VisaImage(stack, "general", {
  template: "visa-apps",
  builder: "openstack",
  machine: { flavor: "build.large", network: "visa", floatingIpPool: "external" },
});

app.synth();
