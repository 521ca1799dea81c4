import type { Base } from "../../specification";
import type { ArtifactManifest } from "../cache/cache";
import type { BuildContext, Item } from "../context";
import { baseDisk } from "./base-disk";
import { installedBase } from "./installer";
import type { Maker } from "./maker";
import { packerLayer } from "./packer-layer";

/** How an item is built; nothing for a layer whose parent is not given. */
export function makerOf(
  { specification }: BuildContext,
  { layer }: Item,
  parent: ArtifactManifest | undefined,
): Maker | undefined {
  if (layer) return parent && packerLayer(layer, parent);
  const base = specification.layers[0]?.base as Base;
  return base.kind === "installer" ? installedBase(base) : baseDisk(base);
}
