import { App, TerraformStack } from "cdktf";
import { VisaImage } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "images");
new OpenstackProvider(stack, "openstack");

new VisaImage(stack, "general", {
  template: "visa-apps",
  rebuildWhen: { securityUpdates: true, olderThanDays: 30 },
});

app.synth();
