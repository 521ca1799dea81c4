import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import {
  type IVisaFlavor,
  type IVisaImage,
  VisaFlavor,
  VisaImage,
  VisaInstance,
  VisaNetwork,
  VisaSecurityGroup,
} from "../lib";
import { VisaImageError } from "../lib/errors";
import { keepState, type StateProps } from "./state";

/** Properties of a {@link VisaInfrastructureStack}. */
export interface VisaInfrastructureStackProps extends StateProps {
  /** The image's name in Glance. */
  readonly imageName: string;
  /** The fingerprint of the image that is wanted: no other one of that name is taken. */
  readonly fingerprint: string;
  /**
   * Id of the image, where it is not to be looked up.
   * @default - looked up by name and fingerprint
   */
  readonly imageId?: string;
  /** Name of the flavour, which is compared with what the image asks for. */
  readonly flavorName: string;
  /**
   * Makes the flavour, with that many processors, and memory and disk as the image asks for: an administrator's right.
   * @default - it is there
   */
  readonly flavorVcpus?: number;
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
   * Name of the external network that has a floating address for the instance.
   * @default - none
   */
  readonly floatingIpPool?: string;
  /**
   * Which of the cloud's addresses are used: public, internal or admin.
   * @default - what clouds.yaml or OS_ENDPOINT_TYPE say, else public
   */
  readonly endpointType?: string;
}

/** An instance of the image, in a network of its own, with VISA's ports open to VISA: to try an image by hand. */
export class VisaInfrastructureStack extends TerraformStack {
  readonly instance: VisaInstance;

  constructor(scope: Construct, id: string, props: VisaInfrastructureStackProps) {
    super(scope, id);
    if (props.floatingIpPool && !props.externalNetworkId) {
      throw new VisaImageError("a floating address has no router that leads to it", {
        fix: `set externalNetworkId (VISA_EXTERNAL_NETWORK_ID) to the id of the network "${props.floatingIpPool}"`,
      });
    }
    keepState(this, props);
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
      flavor: this.flavorFor(image, props),
      networkIds: [network.networkId],
      securityGroups: [securityGroup.groupName],
      floatingIpPool: props.floatingIpPool,
      owner: props.owner,
      pamPublicKey: props.pamPublicKey,
    });
    new TerraformOutput(this, "instance_address", { value: this.instance.floatingIp ?? this.instance.address });
  }

  private flavorFor(image: IVisaImage, { flavorName, flavorVcpus: vcpus }: VisaInfrastructureStackProps): IVisaFlavor {
    const options = { flavorName, images: [image] };
    return vcpus === undefined
      ? VisaFlavor.fromFlavorName(this, "flavor", options)
      : new VisaFlavor(this, "flavor", { ...options, vcpus });
  }
}
