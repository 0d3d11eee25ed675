// Lists: paging and the filters that Core takes in a query (`status_eq=APPLIED`) or in the body of `POST …/filter`.

import { CoreError } from "./errors.mjs";
import { bindBody } from "./requests.mjs";
import { parseTime } from "./clock.mjs";

const RESERVED = new Set([
  "page", "pagesize", "per_page", "limit", "offset", "sort", "order", "order_by", "order_dir", "logical_operator", "instance_id", "org_id",
]);
const ALIASES = { gteq: "gte", lteq: "lte" };
const OPERATORS = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "between", "like", "ilike", "isnull", "isnotnull"];
const FILTER = { name: "QueryFilter", fields: { field: "string", operator: "string", value: "value", values: "values" } };
const REQUEST = {
  name: "FilterRequest",
  fields: {
    filters: { list: FILTER }, logical_operator: "string", limit: "int", offset: "int", sort_by: "string", sort_order: "string", include_count: "bool",
  },
};

/**
 * A page of a list by its query.
 * @param {object[]} rows as they are shown, newest first
 * @param {URLSearchParams} query
 * @param {{ table: string, fields: Set<string>, limit: number, strict?: boolean, capital?: boolean }} list `strict` refuses a limit
 *   that is no number, where the others fall back to their default
 */
export function listByQuery(rows, query, list) {
  const limit = pageNumber(query, "limit", list.limit, list);
  const offset = pageNumber(query, "offset", 0, list);
  const filters = [];
  for (const key of new Set(query.keys())) {
    const [, field, operator] = /^(.+)_([a-z]+)$/.exec(key) ?? [];
    const name = ALIASES[operator] ?? operator;
    if (RESERVED.has(key.toLowerCase()) || !OPERATORS.includes(name)) continue;
    const value = query.get(key);
    const values = name === "in" ? value.split(",").map((part) => part.trim()) : name === "between" ? value.split("|") : [];
    if (name === "between" && values.length !== 2) {
      refuseFilters(key, "between operator requires exactly 2 pipe-separated values (value1|value2)");
    }
    filters.push({ field, operator: name, value, values });
  }
  return select(rows, filters, query.get("logical_operator") ?? "and", list).slice(offset, offset + limit);
}

/** A page of a list by a request body: the bare rows, or with their count when it was asked for. */
export function listByBody(rows, body, list) {
  const request = bindFilter(body);
  const limit = request.limit <= 0 || request.limit > 100 ? 20 : request.limit;
  const offset = Math.max(request.offset, 0);
  const filters = request.filters.map((each) => ({ ...each, operator: ALIASES[each.operator] ?? each.operator, values: each.values ?? [] }));
  const found = select(rows, filters, request.logical_operator.trim().toLowerCase() || "and", list);
  if (list.fields.has(request.sort_by)) found.sort((a, b) => order(a[request.sort_by], b[request.sort_by]));
  if (list.fields.has(request.sort_by) ? request.sort_order !== "asc" : request.sort_order === "asc") found.reverse();
  const page = found.slice(offset, offset + limit);
  return request.include_count ? { data: page, total_count: found.length } : page;
}

function bindFilter(body) {
  try {
    return bindBody(body, REQUEST);
  } catch (error) {
    throw error instanceof CoreError ? new CoreError("GEN_VALIDATION_ERROR", error.message) : error;
  }
}

function pageNumber(query, name, fallback, { strict, capital }) {
  if (!query.has(name)) return fallback;
  const text = query.get(name);
  if (/^[+-]?\d+$/.test(text)) return Number(text) > 0 ? Number(text) : fallback;
  if (strict) throw new CoreError("GEN_VALIDATION_ERROR", `${capital ? "I" : "i"}nvalid ${name} value`);
  return fallback;
}

function refuseFilters(Param, Message) {
  throw new CoreError("GEN_VALIDATION_ERROR", "invalid filter parameters", { key: "errors", value: [{ Param, Message }], details: [{ Param, Message }] });
}

function select(rows, filters, logic, { table, fields }) {
  if (logic !== "and" && logic !== "or") throw new CoreError("GEN_VALIDATION_ERROR", "invalid logical_operator: must be 'and' or 'or'");
  for (const { field, operator } of filters) {
    if (!OPERATORS.includes(operator)) throw new CoreError("GEN_BAD_REQUEST", `Invalid filter: invalid operator '${operator}' for field '${field}'`);
    if (!fields.has(field) && !/^meta_data\.[a-zA-Z]\w*$/.test(field)) {
      throw new CoreError("GEN_BAD_REQUEST", `Invalid filter: invalid field '${field}' for table '${table}'`);
    }
  }
  if (filters.length === 0) return [...rows];
  return rows.filter((row) => (logic === "and" ? filters.every((each) => matches(row, each)) : filters.some((each) => matches(row, each))));
}

function matches(row, { field, operator, value, values }) {
  if (field === "balance_id" && row.transaction_id !== undefined) {
    return [row.source, row.destination].some((id) => compare(id, operator, value, values));
  }
  const cell = field.startsWith("meta_data.") ? row.meta_data?.get(field.slice("meta_data.".length)) : row[field];
  return compare(cell, operator, value, values);
}

function compare(cell, operator, value, values) {
  const missing = cell === undefined || cell === null || cell === "";
  if (operator === "isnull") return missing;
  if (operator === "isnotnull") return !missing;
  if (missing) return false;
  switch (operator) {
    case "eq": return order(cell, value) === 0;
    case "ne": return order(cell, value) !== 0;
    case "gt": return order(cell, value) > 0;
    case "gte": return order(cell, value) >= 0;
    case "lt": return order(cell, value) < 0;
    case "lte": return order(cell, value) <= 0;
    case "in": return values.some((each) => order(cell, each) === 0);
    case "between": return order(cell, values[0]) >= 0 && order(cell, values[1]) <= 0;
    default: return likePattern(String(value), operator === "ilike").test(String(cell));
  }
}

/** Numbers by value, times by instant, all else by text. */
function order(a, b) {
  if (typeof a === "bigint" || typeof a === "number") {
    const number = /^-?\d+$/.test(String(b)) ? BigInt(b) : Number(b);
    return a < number ? -1 : a > number ? 1 : 0;
  }
  const [x, y] = [String(a), String(b)];
  const [s, t] = [parseTime(x), parseTime(y)];
  if (s !== undefined && t !== undefined) return s < t ? -1 : s > t ? 1 : 0;
  return x < y ? -1 : x > y ? 1 : 0;
}

function likePattern(pattern, ignoreCase) {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("%", ".*").replaceAll("_", ".");
  return new RegExp(`^${source}$`, ignoreCase ? "is" : "s");
}
