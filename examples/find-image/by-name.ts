// In somebody else's app: a look-up by name and property, which needs nothing but the cloud.
import { App, TerraformStack } from "cdktf";
import { VisaImage, VisaInstance } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "servers");
new OpenstackProvider(stack, "openstack");

// <stack>/<id> of the VisaImage: the release in use has it, and is the only one of them that is visible.
const image = VisaImage.fromImageName(stack, "image", {
  imageName: "visa-apps",
  properties: { visa_image: "images/general" },
});
new VisaInstance(stack, "trial", {
  image,
  owner: "ada",
  flavorName: "m1.medium",
  networkIds: ["5f0e9b7c-0000-4000-8000-000000000001"],
});

app.synth();
