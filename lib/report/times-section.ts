/** How long an image took to build and takes to boot, as bars. */
import { BOOT_STEPS } from "../boot-budget";
import { duration } from "../runner/output/progress";
import type { BootReport } from "../verify/boot-report";
import { bootTimes } from "../verify/boot-times";
import { type Html, html } from "./html";
import type { Page } from "./page";

interface Bar {
  readonly what: string;
  readonly seconds: number;
}

/** The bars; nothing where no time is known. */
export function renderTimes({ layers = [], verification }: Page): Html | undefined {
  const built = layers
    .filter(({ source }) => !source)
    .map(({ template, durationSeconds }) => ({ what: template, seconds: durationSeconds }));
  const booted = bootTimes(verification?.findings ?? []);
  if (built.length + booted.length === 0) return undefined;
  const total = built.reduce((sum, { seconds }) => sum + seconds, 0);
  return html`${built.length > 0 && renderBars(`Build, by layer: ${duration(total * 1000)} in all`, built)}${
    booted.length > 0 &&
    renderBars(`Boot, as the gate saw it on this machine (${verification?.accelerator ?? ""})`, booted)
  }${verification?.boot && renderRatios(verification.boot)}`;
}

/** What can be compared with another day, or another machine. */
function renderRatios({ ratios }: BootReport): Html {
  const told = BOOT_STEPS.flatMap((step) =>
    ratios[step] === undefined ? [] : [`${step} ${ratios[step]?.toFixed(1)}`],
  );
  return html`<p>By the yardstick of that boot: ${told.join(", ")}.</p>
`;
}

/** The number is the content; the bar shows it to those who see. */
function renderBars(caption: string, bars: readonly Bar[]): Html {
  const longest = Math.max(...bars.map(({ seconds }) => seconds), Number.MIN_VALUE);
  return html`<table class="times">
<caption>${caption}</caption>
<thead><tr><th scope="col">What</th><th scope="col" class="word number">Time</th><td></td></tr></thead>
<tbody>
${bars.map(({ what, seconds }) => {
  const width = ((100 * seconds) / longest).toFixed(1);
  return html`<tr><th scope="row">${what}</th><td class="word number">${duration(seconds * 1000)}</td><td><svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect width="${width}" height="10"/></svg></td></tr>
`;
})}</tbody>
</table>
`;
}
