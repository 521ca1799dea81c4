import { Fn, TerraformStack, TerraformVariable } from "cdktf";
import { checkGlanceArguments, type GlanceArguments } from "../../lib/constructs/glance-limits";
import { newApp } from "./support";

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, "x"]));

test.each<[string, GlanceArguments]>([
  ["nothing", {}],
  ["the longest name", { imageName: "é".repeat(255) }],
  ["as many properties as there is room for", { properties: many(102) }],
  ["128 tags of 255 characters", { tags: Array.from({ length: 128 }, (_, i) => String(i).padStart(255, "t")) }],
  ["whole numbers", { minDiskGb: 10, minRamMb: 0, diskFormat: "qcow2", visibility: "community" }],
])("takes %s", (_, args) => expect(() => checkGlanceArguments(args)).not.toThrow());

test.each<[string, GlanceArguments, RegExp]>([
  [
    "a name of 256 characters",
    { imageName: "n".repeat(256) },
    /"imageName" is "n{40}…", 256 characters, expected at most 255/,
  ],
  ["a name that is empty", { imageName: "" }, /"imageName" is empty, expected a name/],
  ["a tag of 256 characters", { tags: ["t".repeat(256)] }, /"tags" is .*256 characters, expected at most 255/],
  ["129 tags", { tags: Array(129).fill("t") }, /"tags" is a list of 129, expected at most 128/],
  ["103 properties", { properties: many(103) }, /"properties" is a list of 103, expected at most 102/],
  ["a property's name of 256 characters", { properties: { ["p".repeat(256)]: "" } }, /expected at most 255/],
  ["a value of 64 KiB", { properties: { p: "v".repeat(65_536) } }, /65536 bytes, expected at most 65535 bytes/],
  ["Glance's hash", { properties: { os_hash_algo: "x" } }, /"os_hash_algo" is one of Glance's own/],
  ["Glance's namespace", { properties: { os_glance_x: "x" } }, /one of Glance's own/],
  ["what marks a snapshot", { properties: { image_type: "snapshot" } }, /one of Glance's own/],
  ["the client's namespace", { properties: { "owner_specified.x": "x" } }, /the openstack client writes/],
  ["half a GiB", { minDiskGb: 10.5 }, /"minDiskGb" is 10.5, expected a whole number of GiB/],
  ["less than nothing", { minRamMb: -1 }, /"minRamMb" is -1, expected a whole number of MiB/],
  ["another disk format", { diskFormat: "vmdk" }, /"diskFormat" is "vmdk", expected one of raw, qcow2/],
  ["another visibility", { visibility: "hidden" }, /"hidden", expected one of private, shared, community, public/],
])("fails for %s", (_, args, message) => expect(() => checkGlanceArguments(args)).toThrow(message));

test("what only Terraform knows is left to it", () => {
  const stack = new TerraformStack(newApp(), "stack");
  const name = new TerraformVariable(stack, "name", { type: "string" });
  const tags = new TerraformVariable(stack, "tags", { type: "list(string)" });
  expect(() =>
    checkGlanceArguments({
      imageName: Fn.join("", Array(20).fill(name.stringValue)),
      tags: tags.listValue,
      properties: { p: name.stringValue },
    }),
  ).not.toThrow();
});
