import { readFlag } from "../build-machine";
import { type Location, usageError } from "../errors";
import { mapAll } from "../problems";
import { type Renderer, Text } from "../template/render";
import type { ValueKind } from "../template/schema";

/** Renders a template's values in the types that Packer wants of them. */
export class TypedValues {
  constructor(private readonly renderer: Renderer) {}

  /** A value as a text. */
  text(value: unknown, location: Location | undefined): Text {
    return this.renderer.render(String(value), location);
  }

  /**
   * A value as Packer wants it: a {@link Text}, or a tree of them.
   * @param key for the message of an error
   * @throws VisaImageError for what is not of this kind
   */
  value(value: unknown, kind: ValueKind, location: Location | undefined, key: string): unknown {
    switch (kind) {
      case "integer": {
        const text = this.text(value, location);
        if (/^\d+$/.test(text.real.trim())) return new Text(text.real.trim(), text.structure, "integer");
        if (text.packerVariables().length > 0) return text;
        throw noInteger(text, location, key);
      }
      case "duration": {
        const text = this.text(value, location);
        if (text.packerVariables().length === 0) checkDuration(text.real, location, key);
        return text;
      }
      case "flag": {
        const text = this.text(value, location);
        if (text.packerVariables().length > 0) return text;
        const flag = readFlag(text.real);
        if (flag === undefined) {
          throw usageError(
            `"${text.real}" is neither true nor false, which "${key}" needs`,
            location,
            `"${key}: true"`,
          );
        }
        return new Text(String(flag), text.variables().length > 0 ? text.structure : String(flag), "flag");
      }
      case "list":
        return mapAll(Array.isArray(value) ? value : [value], (item) => this.text(item, location));
      case "text":
        return this.text(value, location);
      default:
        return this.tree(value, location);
    }
  }

  /** A number above 0, of what is no part of the configuration. @throws VisaImageError for anything else */
  count(value: unknown, location: Location | undefined, key: string): number {
    const text = this.text(value, location);
    if (/^[1-9]\d*$/.test(text.real.trim())) return Number(text.real.trim());
    throw noInteger(text, location, key);
  }

  private tree(value: unknown, location: Location | undefined): unknown {
    if (Array.isArray(value)) return mapAll(value, (item) => this.tree(item, location));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(mapAll(Object.entries(value), ([key, own]) => [key, this.tree(own, location)]));
    }
    return this.text(value ?? "", location);
  }
}

/** What Go reads as a duration, and so Packer: numbers, each with its unit. */
const DURATION = /^(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

/** Fails for what Packer would refuse, once the layers below are built. @param key for the message */
export function checkDuration(text: string, location: Location | undefined, key: string): void {
  if (DURATION.test(text)) return;
  throw usageError(
    `"${text}" is not a duration, which "${key}" needs`,
    location,
    `a number with a unit: ${/^\d+(\.\d+)?$/.test(text) ? `"${key}: ${text}s"` : `"${key}: 10s", 1m30s, 500ms`}`,
  );
}

function noInteger(text: Text, location: Location | undefined, key: string): Error {
  return usageError(`"${text.real}" is not a whole number, which "${key}" needs`, location, `for example "${key}: 2"`);
}
