import { App, TerraformOutput, TerraformStack } from "cdktf";
import { Catalog, VisaImage } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "desktops");

// Credentials come from OS_CLOUD or the OS_* variables, never from code.
new OpenstackProvider(stack, "openstack");

// The image as it is shipped: system-base → visa-base → visa-apps.
const general = new VisaImage(stack, "general", {
  template: "visa-apps",
  imageName: "VISA desktop",
  variables: { "system-base": { timezone: "Europe/Paris" } },
  pamPublicKeyFile: process.env.VISA_PAM_PUBLIC_KEY,
});

// A facility's own layer, on visa-base: a folder with nothing but its own scripts.
const imaging = new VisaImage(stack, "imaging", {
  template: "my-apps",
  catalog: Catalog.fromDirectory("facility"),
  diskFormat: "qcow2",
});

// To paste into VISA's admin page, or for other stacks to use.
new TerraformOutput(stack, "images", { value: [general.imageId, imaging.imageId] });

app.synth();
