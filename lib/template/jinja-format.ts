/** Python's `"%05d" % 7`, as Jinja2's filter `format` has it. */
import { JinjaError } from "./jinja-error";

const PLACE = /%(?:\((\w*)\))?([-#0 +]*)(\*|\d+)?(?:(\.)(\*|\d+)?)?(.)/gsu;

/** Characters that one value may be made wide, and digits that it may have. */
const MOST = 1000;

const TO_NUMBER = '"|int" or "|float" makes a number of text';

/**
 * @param values one for each place, or those that are named
 * @throws JinjaError for a value that is missing, too many, or not of the kind that its place wants
 */
export function formatPercent(template: string, values: readonly unknown[] | ReadonlyMap<string, unknown>): string {
  const list = values instanceof Map ? [] : [...(values as readonly unknown[])];
  const next = () => {
    if (list.length === 0)
      throw new JinjaError("format has more places than there are values", "a value for each place");
    return list.shift();
  };
  const text = template.replaceAll(PLACE, (_, name, flags: string, width, dot, precision, type: string) => {
    if (type === "%") return "%";
    const size = (given: string | undefined) => limited(given === "*" ? wholeNumber(next()) : Number(given ?? 0));
    const wide = size(width);
    const exact = dot === undefined ? undefined : size(precision);
    const value = name === undefined ? next() : named(values, name);
    const left = flags.includes("-") || wide < 0;
    const [sign, digits] = written(value, type, exact, flags);
    const missing = Math.max(0, Math.abs(wide) - [...sign, ...digits].length);
    if (left) return sign + digits + " ".repeat(missing);
    const zeros = flags.includes("0") && !/[src]/.test(type);
    return zeros ? sign + "0".repeat(missing) + digits : " ".repeat(missing) + sign + digits;
  });
  if (template.replaceAll(PLACE, "").includes("%")) {
    throw new JinjaError("format: the text ends within a place", 'write "%%" for a percent sign');
  }
  if (list.length > 0) throw new JinjaError("format has fewer places than there are values", "a place for each value");
  return text;
}

function named(values: unknown, name: string): unknown {
  if (values instanceof Map && values.has(name)) return values.get(name);
  throw new JinjaError(`format: there is no value "${name}"`, `|format(${name}=…)`);
}

/** What stands before zeros, and what after them. */
function written(value: unknown, type: string, precision: number | undefined, flags: string): [string, string] {
  if (type === "s") return ["", [...textOf(value, "format")].slice(0, precision).join("")];
  if (type === "c" && typeof value === "string" && [...value].length === 1) return ["", value];
  if (!/[diuxXoeEfFgG]/.test(type)) {
    throw new JinjaError(`format: "%${type}" does not work here`, 'write "%s", and "%%" for a percent sign');
  }
  if (typeof value !== "number" && typeof value !== "bigint") {
    throw new JinjaError(`format: "%${type}" wants a number`, TO_NUMBER);
  }
  const negative = value < 0 || Object.is(value, -0);
  const sign = negative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  if (/[eEfFgG]/.test(type)) {
    const text = floating(Math.abs(Number(value)), type.toLowerCase(), precision ?? 6);
    return [sign, /[EFG]/.test(type) ? text.toUpperCase() : text];
  }
  const whole = /[diu]/.test(type) ? BigInt(Math.trunc(Number(value))) : BigInt(wholeNumber(value));
  const base = { x: 16, X: 16, o: 8 }[type] ?? 10;
  const digits = (whole < 0n ? -whole : whole).toString(base).padStart(precision ?? 1, "0");
  return [sign + (flags.includes("#") && base !== 10 ? `0${type}` : ""), type === "X" ? digits.toUpperCase() : digits];
}

function floating(value: number, type: string, precision: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : "inf";
  if (type === "f") return fixed(value, precision);
  const digits = type === "g" ? Math.max(1, precision) - 1 : precision;
  const [mantissa = "", power = "0"] = value.toExponential(Math.min(100, digits)).split("e");
  const size = Math.abs(Number(power));
  const exponent = `e${Number(power) < 0 ? "-" : "+"}${String(size).padStart(2, "0")}`;
  if (type === "e") return mantissa + exponent;
  const short = (text: string) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  return Number(power) >= -4 && Number(power) <= digits
    ? short(fixed(value, digits - Number(power)))
    : short(mantissa) + exponent;
}

/** So many digits after the point; what lies in the middle goes to the even digit, as in Python. */
export function fixed(value: number, digits: number): string {
  const exact = Math.min(70, digits);
  const [kept = "", rest = ""] = [value.toFixed(exact + 30).slice(0, -30), value.toFixed(exact + 30).slice(-30)];
  const down = kept.endsWith(".") ? kept.slice(0, -1) : kept;
  return /^50*$/.test(rest) && Number(down.at(-1)) % 2 === 0 ? down : value.toFixed(exact);
}

function wholeNumber(value: unknown): number {
  if (typeof value === "bigint" || Number.isInteger(value)) return Number(value);
  throw new JinjaError("format wants a whole number", '"|int" makes one');
}

function limited(size: number): number {
  if (Math.abs(size) <= MOST) return size;
  throw new JinjaError(`format: more than ${MOST} characters: ${size}`, "a smaller width");
}

/** Text as Python prints it. @throws JinjaError for what is no text and no number */
export function textOf(value: unknown, filter: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && !hasExponent(value)) return String(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value === undefined || value === null) throw notDefined();
  throw new JinjaError(`${filter}: a value is no text`, '|join(" ") makes text of a list, |tojson of anything');
}

/** Whether Python writes it as 1e-05 or 1e+16. */
export function hasExponent(value: number): boolean {
  return value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e16);
}

/** In minijinja's words. Neither a name that is not defined nor none arrives at a filter as such. */
export function notDefined(): JinjaError {
  return new JinjaError("undefined value", '|default("…", true) before it');
}
