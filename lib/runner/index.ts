export { type Accelerator, chooseAccelerator } from "./accelerator";
export { type BuildOptions, build, type FlattenOptions } from "./build";
export type { BuildReport, LayerReport } from "./build-report";
export { type ArtifactManifest, Cache, cacheRoot, type FlatManifest } from "./cache";
export { hostDebianMirror } from "./mirror";
export { Progress, type ProgressOptions } from "./progress";
export { type BuildRequest, runWorker, StoppedError, supervise } from "./supervisor";
