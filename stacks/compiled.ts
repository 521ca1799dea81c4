/**
 * Imported first: in a clone that nobody has compiled, what the stacks import next cannot be found, and neither can the
 * command that a deploy runs.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "..");
const needed = ["dist/lib/cli/main.js", "providers/openstack/lib/provider/index.js"];

// Beside the sources only: a compiled stack lies in dist, and a test brings what it needs.
if (
  require.main?.filename === join(root, "stacks", "main.ts") &&
  needed.some((file) => !existsSync(join(root, file)))
) {
  console.error("visa-images: this clone is not compiled\n  fix: npm run build");
  process.exit(2);
}
