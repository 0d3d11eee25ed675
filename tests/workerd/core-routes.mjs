/**
 * Core's whole list of routes, and how its router (gin, on Go's net/http) and a lenient server in front of it read a
 * request line. Written from Core's side: nothing here knows the proxy's own table.
 */
import { posix } from "node:path";

/** Method and pattern of every route that Core has. */
export const CORE_ROUTES = `
POST /ledgers
GET /ledgers/:id
GET /ledgers
POST /ledgers/filter
PUT /ledgers/:id
POST /balances
GET /balances
POST /balances/filter
GET /balances/:id
GET /balances/indicator/:indicator/currency/:currency
GET /balances/:id/at
POST /balances-snapshots
PUT /balances/:id/identity
GET /balances/:id/lineage
POST /balance-monitors
GET /balance-monitors/:id
GET /balance-monitors
GET /balance-monitors/balances/:balance_id
PUT /balance-monitors/:id
DELETE /balance-monitors/:id
POST /transactions
POST /transactions/bulk
POST /transactions/filter
POST /refund-transaction/:id
GET /transactions
GET /transactions/:id
GET /transactions/reference/:reference
PUT /transactions/inflight/:txID
POST /transactions/inflight/bulk/void
POST /transactions/inflight/bulk/commit
GET /transactions/:id/lineage
POST /transactions/recover
POST /identities
GET /identities/:id
PUT /identities/:id
GET /identities
DELETE /identities/:id
POST /identities/filter
GET /identities/:id/tokenized-fields
POST /identities/:id/tokenize/:field
GET /identities/:id/detokenize/:field
POST /identities/:id/tokenize
POST /identities/:id/detokenize
POST /accounts
GET /accounts/:id
GET /accounts
POST /accounts/filter
GET /mocked-account
GET /backup
GET /backup-s3
POST /search/:collection
POST /multi-search
POST /search/reindex
GET /search/reindex
POST /reconciliation/upload
POST /reconciliation/matching-rules
PUT /reconciliation/matching-rules/:id
DELETE /reconciliation/matching-rules/:id
POST /reconciliation/start
POST /reconciliation/start-instant
GET /reconciliation/:id
POST /:entity-id/metadata
POST /hooks
PUT /hooks/:id
GET /hooks/:id
GET /hooks
DELETE /hooks/:id
POST /api-keys
GET /api-keys
DELETE /api-keys/:id
GET /
GET /health
GET /metrics
`
  .trim()
  .split("\n")
  .map((line) => {
    const [method, pattern] = line.split(" ");
    return { method, pattern, operator: isOperator(pattern) };
  });

/** Routes that mint keys, divert webhooks, dump or rebuild databases, or are no part of a ledger. */
function isOperator(pattern) {
  const own = ["/", "/balances-snapshots", "/transactions/recover", "/mocked-account", "/search/reindex", "/metrics"];
  return own.includes(pattern) || /^\/(hooks|api-keys|backup)\b/.test(pattern);
}

/** A path of the pattern with values that a caller would use. */
export function sample(pattern) {
  const values = { ":entity-id": "ldg_1", ":collection": "ledgers", ":indicator": "@World", ":currency": "USD" };
  const segment = (part) => (part.startsWith(":") ? (values[part] ?? "id_1") : part);
  return pattern.split("/").map(segment).join("/");
}

/**
 * The route that Core takes for a request, if any: the path is decoded before it is routed, and a static segment wins
 * over a parameter.
 */
export function asCore(method, target) {
  const path = decoded(target.split("?")[0]);
  return path === undefined ? undefined : match(method, path);
}

/** The same behind a server that tidies paths up: dots and slashes merged, case and what follows `;` ignored. */
export function asLenientServer(method, target) {
  let path = target.split("?")[0];
  for (let again = decoded(path); again !== undefined && again !== path; again = decoded(path)) path = again;
  const tidy = posix.normalize(
    path
      .toLowerCase()
      .replaceAll("\\", "/")
      .replace(/;[^/]*/g, "")
      .replace(/[\0-\x20]+/g, ""),
  );
  return match(method === "HEAD" ? "GET" : method, tidy.replace(/(?<=.)\/+$/, ""));
}

function match(method, path) {
  const parts = path.split("/");
  const fits = CORE_ROUTES.filter((route) => {
    const wanted = route.pattern.split("/");
    return (
      route.method === method &&
      wanted.length === parts.length &&
      wanted.every((part, at) => part.startsWith(":") || part === parts[at])
    );
  });
  const statics = ({ pattern }) =>
    pattern
      .split("/")
      .map((part) => (part.startsWith(":") ? "0" : "1"))
      .join("");
  return fits.sort((a, b) => (statics(a) < statics(b) ? 1 : -1))[0];
}

/** Percent-decoding as Go's `url.PathUnescape`; undefined where it fails. Bytes are characters (Latin-1). */
function decoded(path) {
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return undefined;
  return path.replace(/%([0-9a-fA-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
