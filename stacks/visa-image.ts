import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { VisaImage, type VisaImageProps, VisaRegistration, type VisaRegistrationProps } from "../lib";
import { keepState, type StateProps } from "./state";

/** Properties of a {@link VisaImageStack}. */
export interface VisaImageStackProps extends Omit<VisaImageProps, "outputs">, StateProps {
  /**
   * Which of the cloud's addresses are used: public, internal or admin.
   * @default - what clouds.yaml or OS_ENDPOINT_TYPE say, else public
   */
  readonly endpointType?: string;
  /**
   * VISA's entry of the image.
   * @default - none is kept
   */
  readonly visa?: Omit<VisaRegistrationProps, "image">;
}

/**
 * Builds the chain of a template, system-base → visa-base → visa-apps for the shipped ones, and registers its image.
 * Outputs: `image_id`, `image_name`, `fingerprint`, `boot_command_file`.
 */
export class VisaImageStack extends TerraformStack {
  readonly image: VisaImage;

  constructor(scope: Construct, id: string, props: VisaImageStackProps) {
    super(scope, id);
    keepState(this, props);
    new OpenstackProvider(this, "openstack", { endpointType: props.endpointType });
    this.image = new VisaImage(this, props.template, props);
    if (props.visa) new VisaRegistration(this, "visa", { ...props.visa, image: this.image });
    const { imageId, imageName, fingerprint, bootCommandFile } = this.image;
    new TerraformOutput(this, "image_id", { value: imageId });
    new TerraformOutput(this, "image_name", { value: imageName });
    new TerraformOutput(this, "fingerprint", { value: fingerprint });
    new TerraformOutput(this, "boot_command_file", { value: bootCommandFile });
  }
}
