// In another stack of the same app: the same reference. It is read from the state of the stack that makes the image.
import { App, TerraformStack } from "cdktf";
import { VisaImage, VisaInstance } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const images = new TerraformStack(app, "images");
new OpenstackProvider(images, "openstack");
const image = new VisaImage(images, "general", { template: "visa-apps" });

const servers = new TerraformStack(app, "servers");
new OpenstackProvider(servers, "openstack");
new VisaInstance(servers, "trial", {
  image,
  owner: "ada",
  flavorName: "m1.medium",
  networkIds: ["5f0e9b7c-0000-4000-8000-000000000001"],
});

app.synth();
