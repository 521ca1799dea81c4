import { ExitCode, VisaImageError } from "../errors";
import { packageVersion } from "../package-root";
import type { BuildSpecification, Firmware, LayerSpecification } from "../specification";

/** Debian's suites and the versions that they are. */
const DEBIAN_VERSIONS: Readonly<Record<string, string>> = { bullseye: "11", bookworm: "12", trixie: "13" };

/**
 * The properties that every image gets: where it comes from (`visa_*`), what it is (`os_*`, as far as the base tells,
 * and `architecture`), and the hardware that it was built and tested on (`hw_*`, read by Nova).
 */
export function defaultProperties(
  specification: BuildSpecification,
  firmware: Firmware = "bios",
): Record<string, string> {
  const layer = specification.layers.at(-1);
  const base = specification.layers[0]?.base;
  const version = base?.kind === "bootstrap" ? DEBIAN_VERSIONS[base.suite] : undefined;
  return {
    architecture: "x86_64",
    hw_disk_bus: "virtio",
    hw_firmware_type: firmware,
    // No other machine of QEMU's has Secure Boot.
    ...(firmware === "uefi" && { hw_machine_type: "q35" }),
    // Without an agent in the image Nova would wait for one at every snapshot.
    hw_qemu_guest_agent: "no",
    hw_rng_model: "virtio",
    hw_vif_model: "virtio",
    os_type: "linux",
    ...(base?.kind === "bootstrap" && { os_distro: "debian" }),
    ...(version && { os_version: version }),
    visa_builder: "packer-qemu",
    visa_fingerprint: layer?.fingerprint ?? "",
    visa_template: layer?.name ?? "",
    visa_version: packageVersion(),
  };
}

/**
 * What an image with these properties boots by.
 *
 * @throws VisaImageError where that is UEFI, and its template does not promise it
 */
export function firmwareOf(properties: Readonly<Record<string, string>>, layer: LayerSpecification): Firmware {
  if (properties.hw_firmware_type !== "uefi") return "bios";
  if (layer.contract.includes("uefi")) return "uefi";
  throw new VisaImageError(`the image is to boot by UEFI, and "${layer.name}" does not promise that it can`, {
    fix: `with a base that can, as the bootstrapped one: contract: "${[...layer.contract, "uefi"].join(" ")}" in its manifest.yml; else firmware: "bios"`,
    exitCode: ExitCode.USAGE,
  });
}
