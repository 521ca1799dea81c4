// Images and servers apart: each stack has a state of its own, and the second one reads the first one's.
import { App, TerraformStack } from "cdktf";
import { VisaFlavor, VisaImage, VisaInstance, VisaNetwork, VisaSecurityGroup } from "cdktf-visa-images";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();

const images = new TerraformStack(app, "images");
new OpenstackProvider(images, "openstack");
const image = new VisaImage(images, "general", { template: "visa-apps" });

const servers = new TerraformStack(app, "servers");
new OpenstackProvider(servers, "openstack");
const network = VisaNetwork.fromNetworkName(servers, "network", { networkName: "instruments" });
const flavor = VisaFlavor.fromFlavorName(servers, "flavor", { flavorName: "m1.medium", images: [image] });
const group = new VisaSecurityGroup(servers, "ports", { apiServerCidrs: ["192.0.2.10/32"] });
new VisaInstance(servers, "reference", {
  ...{ image, flavor, owner: "ada" },
  networkIds: [network.networkId],
  securityGroups: [group.groupName],
  bootVolume: { sizeGb: 40, volumeType: "ssd" },
});

app.synth();
