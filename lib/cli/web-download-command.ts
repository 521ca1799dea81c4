/** `visa-image web-download`: what Terraform runs around an image that Glance fetches from a web server. */
import { Command } from "@commander-js/extra-typings";
import { putDisk, takeDiskAway, watchImport } from "../releases/web-download";
import { positive } from "./arguments";
import { stoppable } from "./stoppable";

/** The sub-command. */
export function webDownloadCommand(): Command {
  const command = new Command("web-download").description("a disk for Glance to fetch, by the folder of a web server");

  command
    .command("put")
    .description("copy a disk to where Glance fetches it; does nothing where Glance has the image")
    .requiredOption("--disk <file>", "the disk")
    .requiredOption("--to <file>", "where to, in the web server's folder")
    .requiredOption("--url <url>", "the address of that file")
    .requiredOption("--image <stack/id>", "the image's key in the lock")
    .requiredOption("--release <digits>", "the release's 12 digits")
    .requiredOption("--make <command>", "what makes the disk")
    .action(async (options) => {
      const put = await stoppable(
        () => takeDiskAway(options.to),
        () => putDisk(options),
      );
      const what = put ? `is at ${options.url} until it is registered` : "is in Glance already";
      process.stdout.write(`${options.image}: release ${options.release} ${what}\n`);
    });

  command
    .command("watch", { hidden: true })
    .description("look on while Glance fetches the image, and end Terraform's waiting where that fails")
    .requiredOption("--image <stack/id>", "the image's key in the lock")
    .requiredOption("--release <digits>", "the release's 12 digits")
    .requiredOption("--limit <seconds>", "how long Terraform waits", positive)
    .action(async (options) => {
      const outcome = await watchImport(options);
      const what = {
        fetched: "was fetched by Glance",
        "not begun": "is not being fetched yet",
        "out of time": "is late",
      };
      process.stdout.write(`${options.image}: release ${options.release} ${what[outcome]}\n`);
    });

  return command as unknown as Command;
}
