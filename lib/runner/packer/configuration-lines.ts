/** Which line of a configuration's file has what. */
import type { ValuePath } from "../../template/yaml-file";

/** For each line of `JSON.stringify(value, null, 2)`, the path of what begins or ends on it. @param value as JSON has it */
export function pathsOfLines(value: unknown, path: ValuePath = []): ValuePath[] {
  if (typeof value !== "object" || value === null) return [path];
  const isList = Array.isArray(value);
  const inner = Object.entries(value).flatMap(([key, own]) => pathsOfLines(own, [...path, isList ? Number(key) : key]));
  return inner.length > 0 ? [path, ...inner, path] : [path];
}
