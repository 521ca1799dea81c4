import type { Base } from "../../specification";
import type { ArtifactManifest } from "../cache/cache";
import { type BuildContext, type Item, isByCloud } from "../context";
import { baseDisk } from "./base-disk";
import { cloudLayer } from "./cloud-layer";
import { installedBase } from "./installer";
import type { Maker } from "./maker";
import { packerLayer } from "./packer-layer";

/** How an item is built; nothing for a layer whose parent is not given. */
export function makerOf(
  context: BuildContext,
  { layer }: Item,
  parent: ArtifactManifest | undefined,
): Maker | undefined {
  if (layer) return parent && (isByCloud(context, layer) ? cloudLayer : packerLayer)(layer, parent);
  const base = context.specification.layers[0]?.base as Base;
  return base.kind === "installer" ? installedBase(base) : baseDisk(base);
}
