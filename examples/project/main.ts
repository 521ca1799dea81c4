import { App, TerraformOutput, TerraformStack } from "cdktf";
import { Catalog, VisaImage } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "desktops");

// Credentials come from OS_CLOUD or the OS_* variables, never from code.
new OpenstackProvider(stack, "openstack");

// Your own layer, on the desktop that the package ships: its folder is facility/my-apps.
const desktop = new VisaImage(stack, "desktop", {
  template: "my-apps",
  catalog: Catalog.fromDirectory("facility"),
  imageName: "VISA desktop",
  pamPublicKeyFile: process.env.VISA_PAM_PUBLIC_KEY,
});

new TerraformOutput(stack, "image_id", { value: desktop.imageId });

app.synth();
