// One build, one verified disk, an image in two clouds; and a partner's project that may use it.
import { App, TerraformStack } from "cdktf";
import { VisaImage } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "images");
new OpenstackProvider(stack, "openstack", { cloud: "south" });
const provider = new OpenstackProvider(stack, "north", { alias: "north", cloud: "north" });

const desktop = new VisaImage(stack, "desktop", { template: "visa-apps", visibility: "shared" });
desktop.addDestination("north", { provider, imageName: "VISA desktop (north)" });
desktop.shareWith("0c1d8a5e1f6b4a339d3e3f2f0a1b2c3d");

app.synth();
