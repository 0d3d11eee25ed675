// Puts a JSON value into a shape as Go's decoder puts it into a struct: keys in any case, the last value that is not
// null wins, unknown members are ignored, and the first value of a wrong type is the fault that is reported.

import { CoreError } from "./errors.mjs";
import { JsonError, JsonNumber, JsonObject, readJson } from "./json.mjs";
import { parseSetTime } from "./clock.mjs";

// PostgreSQL refuses a document that nests deeper than its stack allows. The bound itself is lower here.
const MAX_META_DEPTH = 2_000;
const GO_TYPES = {
  float: "float64",
  int: "int",
  string: "string",
  bool: "bool",
  map: "map[string]interface {}",
  strings: "[]string",
  values: "[]interface {}",
};
// A null clears a pointer, a map or a slice; it leaves any other value as it was.
const NULLABLE = new Set(["bigint", "time", "map", "strings", "values", "value"]);

/**
 * Decodes a body. A field's type is `float`, `int`, `string`, `bool`, `bigint`, `map`, `strings`, `time`, `value`,
 * `values`, `{ list: struct }` or `{ one: struct }`, and a struct is `{ name, fields }`.
 * @param {Uint8Array} bytes
 * @param {{ name: string, fields: object }} struct
 * @returns {object} every field of the struct; zero values where nothing was sent
 * @throws {JsonError}
 */
export function bind(bytes, struct) {
  const faults = [];
  const target = zero(struct);
  const value = readJson(bytes);
  if (value instanceof JsonObject) fill(target, value, struct, struct.name, faults);
  else if (value !== null)
    faults.push(`json: cannot unmarshal ${kind(value)} into Go value of type model.${struct.name}`);
  if (faults.length > 0) throw new JsonError(faults[0]);
  return target;
}

/** A JSON value as plain values: numbers become doubles, as in Go's `interface{}`, and objects become sorted maps. */
export function plain(value, depth = 0) {
  if (depth > MAX_META_DEPTH) throw new CoreError("GEN_INTERNAL", "internal server error");
  if (value instanceof JsonNumber) return Number(value.literal);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (!(value instanceof JsonObject)) return value;
  return sorted(value.members.map(([key, member]) => [key, plain(member, depth + 1)]));
}

/** A map with its keys in order, as Go prints one. */
export function sorted(entries) {
  const unique = new Map(entries);
  return new Map([...unique.keys()].sort().map((key) => [key, unique.get(key)]));
}

function zero({ fields }) {
  const zeros = { float: 0, int: 0, string: "", bool: false };
  return Object.fromEntries(
    Object.entries(fields).map(([name, type]) => [
      name,
      type.one ? zero(type.one) : type.list ? [] : (zeros[type] ?? null),
    ]),
  );
}

// Of the letters outside ASCII only these two fold into it.
const fold = (key) =>
  key
    .replaceAll("\u017f", "s")
    .replaceAll("\u212a", "k")
    .replace(/[A-Z]/g, (c) => c.toLowerCase());

function fill(target, object, struct, path, faults) {
  for (const [key, value] of object.members) {
    const name = Object.hasOwn(struct.fields, key) ? key : fold(key);
    if (!Object.hasOwn(struct.fields, name)) continue;
    const type = struct.fields[name];
    if (value === null) {
      if (type.list) target[name] = [];
      else if (NULLABLE.has(type)) target[name] = null;
      continue;
    }
    set(target, name, type, value, `${path}.${name}`, faults);
  }
}

function set(target, name, type, value, path, faults) {
  const wrong = (goType, what = kind(value)) =>
    faults.push(`json: cannot unmarshal ${what} into Go struct field ${path} of type ${goType}`);
  if (type.one) {
    if (value instanceof JsonObject) fill(target[name], value, type.one, path, faults);
    else wrong(`model.${type.one.name}`);
    return;
  }
  if (type.list) {
    if (!Array.isArray(value)) wrong(`[]${type.pointers ? "*" : ""}model.${type.list.name}`);
    else target[name] = value.map((item, i) => element(target[name][i], item, type, path, faults));
    return;
  }
  const read = READERS[type];
  const result = read(value, target[name]);
  if (result !== undefined) target[name] = result;
  else if (type === "bigint")
    faults.push(`math/big: cannot unmarshal ${JSON.stringify(value.literal ?? value)} into a *big.Int`);
  else if (type === "time")
    faults.push(`parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse`);
  else
    wrong(
      GO_TYPES[type],
      value instanceof JsonNumber && (type === "float" || type === "int") ? `number ${value.literal}` : undefined,
    );
}

// A second array is decoded over the first one's elements, so members that it leaves out keep their values.
function element(existing, item, type, path, faults) {
  if (item === null) return type.pointers ? null : zero(type.list);
  const target = existing ?? zero(type.list);
  if (item instanceof JsonObject) fill(target, item, type.list, path, faults);
  else faults.push(`json: cannot unmarshal ${kind(item)} into Go struct field ${path} of type model.${type.list.name}`);
  return target;
}

const READERS = {
  float: (value) =>
    value instanceof JsonNumber && Number.isFinite(Number(value.literal)) ? Number(value.literal) : undefined,
  int: (value) =>
    value instanceof JsonNumber && /^-?\d{1,15}$/.test(value.literal) ? Number(value.literal) : undefined,
  bigint: (value) => (value instanceof JsonNumber && /^-?\d+$/.test(value.literal) ? BigInt(value.literal) : undefined),
  string: (value) => (typeof value === "string" ? value : undefined),
  bool: (value) => (typeof value === "boolean" ? value : undefined),
  time: (value) => (typeof value === "string" ? parseSetTime(value) : undefined),
  map: (value, old) => (value instanceof JsonObject ? sorted([...(old ?? []), ...plain(value)]) : undefined),
  strings: (value) =>
    Array.isArray(value) && value.every((v) => v === null || typeof v === "string")
      ? value.map((v) => v ?? "")
      : undefined,
  values: (value) => (Array.isArray(value) ? plain(value) : undefined),
  value: (value) => plain(value),
};

function kind(value) {
  if (value instanceof JsonNumber) return "number";
  if (Array.isArray(value)) return "array";
  if (value instanceof JsonObject) return "object";
  return typeof value === "boolean" ? "bool" : "string";
}
