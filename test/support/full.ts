import { existsSync } from "node:fs";

/**
 * Whether all is run, in `npm run test:faults`: every fault with a deploy after it, and what takes minutes for a feature
 * that seldom changes. `npm test` has to end within the hour.
 */
export const FULL = process.env.VISA_FAULTS === "full";

/**
 * Whether the embedded cloud in full size runs here: as root, with the packages of `dev/setup --full`. `.ci/run` and
 * `npm run test:faults` set them up.
 */
export const FULL_CLOUD = FULL || (process.getuid?.() === 0 && existsSync("/usr/bin/nova-compute"));
