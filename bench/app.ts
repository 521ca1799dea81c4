/**
 * The stack of our flow, as a facility's own app would be.
 *
 *   BENCH_TEMPLATES  the templates, each an image, with commas
 *   BENCH_VERIFY     true: with the gate
 *   BENCH_FORMAT     raw or qcow2
 */
import { OpenstackProvider } from "@cdktf/provider-openstack/lib/provider";
import { App, TerraformStack } from "cdktf";
import { Catalog, type DiskFormat, VisaImage } from "../lib";

const { BENCH_TEMPLATES = "", BENCH_VERIFY, BENCH_FORMAT } = process.env;
const app = new App();
const stack = new TerraformStack(app, "bench");
new OpenstackProvider(stack, "openstack");
const catalog = Catalog.fromDirectory(".");
for (const template of BENCH_TEMPLATES.split(",")) {
  new VisaImage(stack, template, {
    template,
    catalog,
    verify: BENCH_VERIFY === "true",
    diskFormat: BENCH_FORMAT as DiskFormat,
    protected: false,
  });
}
app.synth();
