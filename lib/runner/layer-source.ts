/** Where layers may come from besides a build: lib/releases knows one, Glance. */
import type { DiskFormat } from "../specification";
import type { ArtifactSource } from "./cache/cache";

/** Has disks of layers that were built elsewhere. */
export interface LayerSource {
  /**
   * The disk of a layer; nothing where it has none.
   *
   * @throws VisaImageError where it cannot be asked, or what it has is not to be trusted
   */
  find(fingerprint: string): Promise<SourceDisk | undefined>;
}

/** A disk that a {@link LayerSource} has. */
export interface SourceDisk {
  readonly source: ArtifactSource;
  readonly format: DiskFormat;
  /** What its disk may have, in GiB: a cloud's builds have that of their flavour. @default - the layer's size */
  readonly mostGb?: number;
  /** What is to be downloaded. */
  readonly bytes: number;
  /**
   * Downloads it into a file, and checks it.
   *
   * @param onProgress called with the bytes that are there
   * @throws VisaImageError where it is not what it should be; what is in the file then is of no use
   */
  download(file: string, onProgress: (bytes: number) => void): Promise<void>;
}

/** Opens a source. @param lockFile path of the lock of the releases @throws VisaImageError where it cannot be reached */
export type OpenLayerSource = (lockFile: string) => Promise<LayerSource>;
