/** The longest test decides when all are done: it goes first, and whatever runs beside it takes the time that it leaves. */
const { getPriority, setPriority } = require("node:os");

const BESIDE = 5;

if (!/[\\/]e2e[\\/]/.test(expect.getState().testPath)) setPriority(Math.max(getPriority(), BESIDE));
