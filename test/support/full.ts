/**
 * Whether all is run, in `npm run test:faults`: every fault with a deploy after it, and what takes minutes for a feature
 * that seldom changes. `npm test` has to end within the hour.
 */
export const FULL = process.env.VISA_FAULTS === "full";
