// From a template into VISA's list: one deploy builds, checks, uploads and registers.
import { App, TerraformStack } from "cdktf";
import { VisaImage, VisaRegistration, VisaSecurityGroup } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "desktops");
new OpenstackProvider(stack, "openstack");

const image = new VisaImage(stack, "general", { template: "visa-apps", imageName: "VISA desktop" });

// VISA's address and an administrator's token come from VISA_API_URL and VISA_API_TOKEN_COMMAND, never from code.
const general = new VisaRegistration(stack, "general-in-visa", {
  image,
  channel: "candidate", // administrators try it first; "production" shows it to all
  plans: { flavours: ["Small", "Large"], preset: "Small" },
});

// What VISA reaches follows from what the entry lists.
new VisaSecurityGroup(stack, "ports", {
  protocols: general.protocols,
  apiServerCidrs: ["192.0.2.10/32"],
  jupyterProxyCidrs: ["192.0.2.11/32"],
});

app.synth();
