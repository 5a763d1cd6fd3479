// Validates an OpenAPI document on the standard input by the official meta-schema.
// usage: node validate_openapi.mjs NODE_MODULES <document.json; prints "valid 3.1", or what is wrong.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const entry = pathToFileURL(`${process.argv[2]}/@seriousme/openapi-schema-validator/index.js`);
const { Validator } = await import(entry);
const validator = new Validator();
const result = await validator.validate(JSON.parse(readFileSync(0, "utf8")));
console.log(result.valid ? `valid ${validator.version}` : JSON.stringify(result.errors, null, 1));
process.exitCode = result.valid ? 0 : 1;
