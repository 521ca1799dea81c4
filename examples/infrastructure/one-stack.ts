// Everything in one go: the image, where it runs, and what is in it. One deploy, one state.
import { App, TerraformOutput, TerraformStack } from "cdktf";
import { VisaFlavor, VisaImage, VisaInstance, VisaNetwork, VisaSecurityGroup } from "cdktf-visa-images";
import { BlockstorageVolumeV3 } from "cdktf-visa-images/openstack/blockstorage-volume-v3";
import { ComputeVolumeAttachV2 } from "cdktf-visa-images/openstack/compute-volume-attach-v2";
import { OpenstackProvider } from "cdktf-visa-images/openstack/provider";

const app = new App();
const stack = new TerraformStack(app, "desktops");
new OpenstackProvider(stack, "openstack");

const image = new VisaImage(stack, "general", { template: "visa-apps" });

// Memory and disk as the image asks for. An administrator's right; VisaFlavor.fromFlavorName takes one that is there.
const flavor = new VisaFlavor(stack, "desktop", { vcpus: 2, images: [image] });

const network = new VisaNetwork(stack, "network", { externalNetworkId: "5f0e9b7c-0000-4000-8000-000000000001" });
const group = new VisaSecurityGroup(stack, "ports", {
  apiServerCidrs: ["192.0.2.10/32"],
  jupyterProxyCidrs: ["192.0.2.20/32"],
});

const instance = new VisaInstance(stack, "reference", {
  ...{ image, flavor, owner: "ada" },
  networks: [{ networkId: network.networkId, fixedIp: "10.42.0.17" }],
  securityGroups: [group.groupName],
  floatingIpPool: "external",
});

// A new image replaces the instance. The data stay, and are attached to the next one.
const data = new BlockstorageVolumeV3(stack, "data", { name: "reference-data", size: 100 });
new ComputeVolumeAttachV2(stack, "data_of_reference", { instanceId: instance.instanceId, volumeId: data.id });

new TerraformOutput(stack, "address", { value: instance.floatingIp });

app.synth();
