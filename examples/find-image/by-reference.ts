// In the stack that makes the image: a reference. A new release, or a rollback, replaces the instance.
import { App, TerraformStack } from "cdktf";
import { VisaImage, VisaInstance } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "desktops");
new OpenstackProvider(stack, "openstack");

const image = new VisaImage(stack, "general", { template: "visa-apps" });
new VisaInstance(stack, "trial", {
  image,
  owner: "ada",
  flavorName: "m1.medium",
  networkIds: ["5f0e9b7c-0000-4000-8000-000000000001"],
});

app.synth();
