// Lists: paging and the filters that Core takes in a query (`status_eq=APPLIED`) or in the body of `POST …/filter`.

import { CoreError } from "./errors.mjs";
import { bindBody } from "./requests.mjs";
import { parseTime } from "./clock.mjs";

const RESERVED = new Set([
  "page",
  "pagesize",
  "per_page",
  "limit",
  "offset",
  "sort",
  "order",
  "order_by",
  "order_dir",
  "logical_operator",
  "instance_id",
  "org_id",
]);
const ALIASES = { gteq: "gte", lteq: "lte" };
const DATES = new Set(["created_at", "effective_date"]);
const OPERATORS = ["eq", "ne", "gt", "gte", "lt", "lte", "in", "between", "like", "ilike", "isnull", "isnotnull"];
const JSON_KEY = /^[a-zA-Z][a-zA-Z0-9_]*$/;
const FILTER = {
  name: "QueryFilter",
  fields: { field: "string", operator: "string", value: "value", values: "values" },
};
const REQUEST = {
  name: "FilterRequest",
  fields: {
    filters: { list: FILTER },
    logical_operator: "string",
    limit: "int",
    offset: "int",
    sort_by: "string",
    sort_order: "string",
    include_count: "bool",
  },
};

/**
 * A page of a list by its query.
 * @param {object[]} rows as they are shown, newest first
 * @param {URLSearchParams} query
 * @param {{ table: string, fields: Set<string>, limit: number, strict?: boolean, capital?: boolean }} list `strict`
 *   refuses a limit that is no number, where the others fall back to their default
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
    const values =
      name === "in" ? value.split(",").map((part) => part.trim()) : name === "between" ? value.split("|") : [];
    if (name === "between" && values.length !== 2) {
      refuseFilters(key, "between operator requires exactly 2 pipe-separated values (value1|value2)");
    }
    filters.push({ field, operator: name, value, values });
  }
  return select(rows, filters, query.get("logical_operator") ?? "and", list).slice(offset, offset + limit);
}

/**
 * A page of a list by a request body: the bare rows, or with their count when it was asked for. Core counts along with
 * the rows, so a page without any has no count.
 */
export function listByBody(rows, body, list, whenEmpty = (page) => page) {
  const request = bindFilter(body);
  const limit = request.limit <= 0 || request.limit > 100 ? 20 : request.limit;
  const offset = Math.max(request.offset, 0);
  const filters = request.filters.map((each) => {
    return { ...each, operator: ALIASES[each.operator] ?? each.operator, values: each.values ?? [], typed: true };
  });
  const found = select(rows, filters, request.logical_operator.trim().toLowerCase() || "and", list);
  const sortBy = request.sort_by.trim().toLowerCase();
  const ascending = request.sort_order.trim().toLowerCase() === "asc";
  if (list.fields.has(sortBy)) found.sort((a, b) => order(a[sortBy], b[sortBy], DATES.has(sortBy)));
  if (list.fields.has(sortBy) ? !ascending : ascending) found.reverse();
  const page = found.slice(offset, offset + limit);
  if (!request.include_count) return whenEmpty(page);
  return { data: whenEmpty(page), total_count: page.length > 0 ? found.length : undefined };
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
  throw new CoreError("GEN_VALIDATION_ERROR", "invalid filter parameters", {
    key: "errors",
    value: [{ Param, Message }],
    details: [{ Param, Message }],
  });
}

function select(rows, filters, logic, list) {
  if (logic !== "and" && logic !== "or")
    throw new CoreError("GEN_VALIDATION_ERROR", "invalid logical_operator: must be 'and' or 'or'");
  for (const each of filters) {
    const fault = filterFault(each, list);
    if (fault) throw new CoreError("GEN_BAD_REQUEST", `Invalid filter: ${fault}`, { details: {} });
  }
  if (filters.length === 0) return [...rows];
  const matches = (row, each) => matchesRow(row, each, list);
  return rows.filter((row) =>
    logic === "and" ? filters.every((each) => matches(row, each)) : filters.some((each) => matches(row, each)),
  );
}

function filterFault({ field, operator, values }, { table, fields }) {
  if (!OPERATORS.includes(operator))
    return `invalid operator '${operator}' for field '${field}': must be one of ${OPERATORS.join(", ")}`;
  if (operator === "in" && values.length === 0)
    return `operator 'in' for field '${field}' requires at least one value in 'values'`;
  if (operator === "between" && values.length !== 2) {
    return `operator 'between' for field '${field}' requires exactly two values in 'values', got ${values.length}`;
  }
  if (fields.has(field)) return undefined;
  const [, key] = /^meta_data\.(.*)$/s.exec(field) ?? [];
  if (key === undefined) return `invalid field '${field}' for table '${table}'`;
  return JSON_KEY.test(key)
    ? undefined
    : `invalid JSON key '${key}' in field '${field}': must match pattern ${JSON_KEY.source}`;
}

function matchesRow(row, filter, { table }) {
  const { field, operator, value, typed } = filter;
  if (field === "balance_id" && table === "transactions")
    return [row.source, row.destination].some((id) => compare(id, filter));
  if (!field.startsWith("meta_data.")) {
    // A transaction without a parent has an empty text there; the other tables leave such columns out.
    const cell = row[field] === "" && table !== "transactions" ? undefined : row[field];
    return compare(cell, filter);
  }
  const cell = row.meta_data?.get(field.slice("meta_data.".length));
  // A number or a switch in metadata equals only its like; every other operator goes by the text.
  if (operator === "eq" && typed) return cell === value;
  return compare(cell, filter);
}

function compare(cell, { field, operator, value, values }) {
  const missing = cell === undefined || cell === null;
  const against = (other) => order(cell, other, DATES.has(field));
  if (operator === "isnull") return missing;
  if (operator === "isnotnull") return !missing;
  if (missing) return false;
  switch (operator) {
    case "eq":
      return value !== null && against(value) === 0;
    case "ne":
      return against(value) !== 0;
    case "gt":
      return against(value) > 0;
    case "gte":
      return against(value) >= 0;
    case "lt":
      return against(value) < 0;
    case "lte":
      return against(value) <= 0;
    case "in":
      return values.some((each) => each !== null && against(each) === 0);
    case "between":
      return against(values[0]) >= 0 && against(values[1]) <= 0;
    default:
      return likePattern(String(value), operator === "ilike").test(String(cell));
  }
}

/** Numbers by value, dates by instant, all else by text. */
function order(a, b, isDate) {
  if (typeof a === "bigint" || typeof a === "number") {
    const number = /^-?\d+$/.test(String(b)) ? BigInt(b) : Number(b);
    return a < number ? -1 : a > number ? 1 : 0;
  }
  const [x, y] = [String(a), String(b)];
  const [s, t] = isDate ? [parseTime(x), parseTime(y)] : [];
  if (s !== undefined && t !== undefined) return s < t ? -1 : s > t ? 1 : 0;
  return x < y ? -1 : x > y ? 1 : 0;
}

function likePattern(pattern, ignoreCase) {
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("%", ".*")
    .replaceAll("_", ".");
  return new RegExp(`^${source}$`, ignoreCase ? "is" : "s");
}
