/** Makes a layer of an image that was built elsewhere: whole, it stands on nothing. */
import { join } from "node:path";
import type { LayerSpecification } from "../../specification";
import { checkImage } from "../cache/disks";
import type { SourceDisk } from "../layer-source";
import { size } from "../output/progress";
import { type Maker, timed, toolRunner } from "./maker";

/** Downloads a layer's flattened disk, and makes a disk of the cache's kind of it: whole, sparse, not compressed. */
export function downloadedLayer(layer: LayerSpecification, image: SourceDisk): Maker {
  const { source, format, bytes } = image;
  return {
    words: ["downloading", "downloaded"],
    steps: 3,
    source,
    async make(context) {
      const { build, prepared, scratch, log } = context;
      const file = join(scratch.path, "image");
      const disk = join(scratch.path, "disk.qcow2");
      const [, toolSeconds] = await timed(async () => {
        build.progress.startStep(`downloading the image ${source.imageId} from Glance (${size(bytes)})`);
        log.write(`downloading the image ${source.imageId} "${source.imageName}" from ${source.glance}`);
        await image.download(file, (done) => build.progress.detail(`${Math.floor((100 * done) / bytes)} %`));
        build.progress.startStep("unpacking the image");
        const diskSizeGb = Math.max(layer.diskSizeGb, image.mostGb ?? 0);
        await checkImage(file, format, { name: layer.name, diskSizeGb }, prepared.masker);
        await toolRunner(context)("qemu-img", ["convert", "-W", "-f", format, "-O", "qcow2", file, disk]);
      });
      return { disk, toolSeconds, guest: {} };
    },
  };
}
