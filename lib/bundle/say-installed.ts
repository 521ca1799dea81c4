import { shellWord } from "../shell-word";
import type { Installed } from "./install-bundle";

/** What to do once an archive is installed, for a person. */
export function nextSteps({ npmCache, terraformConfiguration }: Installed): string {
  return `next, in a copy of the project:
  npm ci --offline --cache ${shellWord(npmCache)}
  export TF_CLI_CONFIG_FILE=${shellWord(terraformConfiguration)} CHECKPOINT_DISABLE=1
  npx cdktf deploy --skip-provider-lock
`;
}
