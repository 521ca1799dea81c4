import { usageError } from "../errors";
import { mebibytes } from "../mebibytes";
import type { LayerSpecification } from "../specification";
import type { TemplatesBase } from "../template/base";
import { type Renderer, Text } from "../template/render";
import type { Template } from "../template/template";

/** Size of a disk in GiB where neither the template nor a parent says one. */
const DEFAULT_DISK_GB = 10;

/** The size of a layer's disk, in whole GiB. */
export interface DiskSize {
  readonly gb: number;
  /** As the configuration shows it. */
  readonly text: Text;
}

/**
 * The variable `disk_size_gb`, else what the builder says, else the size of the disk below.
 * @param base what the first layer starts from; undefined for any other
 * @throws VisaImageError for what is no size, or too small for what it stands on
 */
export function diskSize(
  template: Template,
  renderer: Renderer,
  below: LayerSpecification | undefined,
  base: TemplatesBase | undefined,
): DiskSize {
  const builder = template.parts.builders.find(({ type }) => type === "qemu");
  const own = builder?.settings.disk_size;
  let text: Text;
  let location = builder?.locate(["disk_size"]) ?? template.parts.locate([]);
  if (template.parts.variables.has("disk_size_gb")) {
    text = renderer.render("{{ disk_size_gb }}");
    location = template.parts.locate([]);
  } else if (own !== undefined && own !== null) {
    const rendered = renderer.render(String(own), location);
    const size = mebibytes(rendered.real);
    const gb = size === undefined ? rendered.real : String(Math.ceil(size / 1024));
    text = new Text(gb, gb);
  } else {
    const gb = String(below?.diskSizeGb ?? DEFAULT_DISK_GB);
    text = new Text(gb, gb);
  }
  const fail = (what: string, fix: string) => usageError(what, location, fix);
  if (!/^[1-9]\d{0,4}$/.test(text.real)) {
    throw fail(`"${text.real}" is not the size of a disk`, "a whole number of GiB, for example 10");
  }
  const gb = Number(text.real);
  if (below && gb < below.diskSizeGb) {
    throw fail(
      `the disk of "${template.name}" (${gb} GiB) is smaller than that of "${below.name}" (${below.diskSizeGb} GiB)`,
      `use ${below.diskSizeGb} or more`,
    );
  }
  if (base?.kind === "bootstrap" && gb < base.diskSizeGb) {
    throw fail(
      `the disk of "${template.name}" (${gb} GiB) is smaller than its base (${base.diskSizeGb} GiB)`,
      `use ${base.diskSizeGb} or more`,
    );
  }
  return { gb, text };
}
