/** Whether a layer's own scripts fetch apt's lists before they install anything, as those of the original do. */

/** Commands after which nothing can be said any more: they run what is not read here. */
const OTHERS =
  /(?:^|[\s;&|(`{])(?:\.|source|eval|exec|sh|bash|dash|python3?|perl|xargs|ansible\S*|\.{0,2}\/\S+\.\w+)(?=\s|$)/;
const APT = /(?:^|[\s;&|(`{/])(?:apt|apt-get|apt-cache|aptitude|dpkg|debconf\S*|tasksel|add-apt-repository)(?=\s|$)/;
/** At the beginning of a line, so in no function and under no condition. */
const UPDATE = /^(?:sudo(?: -\w+)* )?(?:\w+=\S* )*(?:apt|apt-get)(?: -\S+(?: \w+::\S+)?)* update(?=\s|;|&|\||$)/;

/**
 * Whether the first use of apt in these texts, run one after the other, is `apt-get update`. In doubt it is not: then
 * prepare.sh does it, which costs time where it is done twice and nothing else.
 */
export function fetchesListsFirst(texts: readonly string[]): boolean {
  for (const line of texts.flatMap((text) => text.split("\n"))) {
    if (/^\s*#/.test(line)) continue;
    if (UPDATE.test(line)) return true;
    if (APT.test(line) || OTHERS.test(line)) return false;
  }
  return false;
}
