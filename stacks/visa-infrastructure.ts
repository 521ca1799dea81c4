import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { type IVisaImage, VisaImage, VisaInstance, VisaNetwork, VisaSecurityGroup } from "../lib";
import { useLocalState } from "./state";

/** Properties of a {@link VisaInfrastructureStack}. */
export interface VisaInfrastructureStackProps {
  /** The image's name in Glance. */
  readonly imageName: string;
  /** The fingerprint of the image that is wanted: no other one of that name is taken. */
  readonly fingerprint: string;
  /**
   * Id of the image, where it is not to be looked up.
   * @default - looked up by name and fingerprint
   */
  readonly imageId?: string;
  /** Name of the flavour. */
  readonly flavorName: string;
  /** Linux login of the instance's owner. */
  readonly owner: string;
  /**
   * PEM text of the key that signs logins.
   * @default - the one baked into the image
   */
  readonly pamPublicKey?: string;
  /** Addresses of VISA's API server, as CIDR. */
  readonly apiServerCidrs: readonly string[];
  /**
   * Addresses of VISA's Jupyter proxy, as CIDR.
   * @default - none
   */
  readonly jupyterProxyCidrs?: readonly string[];
  /**
   * Id of an external network to route to.
   * @default - no router
   */
  readonly externalNetworkId?: string;
  /**
   * Which of the cloud's addresses are used: public, internal or admin.
   * @default - what clouds.yaml or OS_ENDPOINT_TYPE say, else public
   */
  readonly endpointType?: string;
  /**
   * Folder of the state file.
   * @default - the current one
   */
  readonly stateFolder?: string;
}

/** An instance of the image, in a network of its own, with VISA's ports open to VISA: to try an image by hand. */
export class VisaInfrastructureStack extends TerraformStack {
  readonly instance: VisaInstance;

  constructor(scope: Construct, id: string, props: VisaInfrastructureStackProps) {
    super(scope, id);
    useLocalState(this, props.stateFolder);
    new OpenstackProvider(this, "openstack", { endpointType: props.endpointType });
    const image: IVisaImage = props.imageId
      ? VisaImage.fromImageId(props.imageId, props)
      : VisaImage.fromImageName(this, "image", props);
    const network = new VisaNetwork(this, "network", {
      networkName: "visa",
      externalNetworkId: props.externalNetworkId,
    });
    const securityGroup = new VisaSecurityGroup(this, "ports", {
      groupName: "visa",
      apiServerCidrs: props.apiServerCidrs,
      jupyterProxyCidrs: props.jupyterProxyCidrs,
    });
    this.instance = new VisaInstance(this, "instance", {
      image,
      instanceName: "visa-trial",
      flavorName: props.flavorName,
      networkIds: [network.networkId],
      securityGroups: [securityGroup.groupName],
      owner: props.owner,
      pamPublicKey: props.pamPublicKey,
    });
    new TerraformOutput(this, "instance_address", { value: this.instance.address });
  }
}
