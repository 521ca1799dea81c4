import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import Ajv from "ajv";

// At run time they are taken as right: to check them takes longer than to check a template by them.
test.each(["config", "environment", "manifest", "package"])("the schema of %s files keeps to JSON Schema", (name) => {
  const file = resolve(__dirname, "../../lib/template/schema", `${name}.schema.json`);
  const ajv = new Ajv({ strict: false, logger: false });
  expect({ right: ajv.validateSchema(JSON.parse(readFileSync(file, "utf8"))), errors: ajv.errors }).toEqual({
    right: true,
    errors: null,
  });
});
