// The routes: method, pattern, and the scope that each needs. The first 25 are what the Proxy API documents.

const DOCUMENTED = 25;
const TABLE = `
POST /ledgers
POST /balances
POST /transactions
POST /transactions/bulk
PUT /transactions/inflight/:id
POST /refund-transaction/:id
POST /identities
PUT /identities/:id
PUT /balances/:id/identity
POST /:entity/metadata
GET /balances/:id/at
GET /balances/:id/lineage
GET /transactions/:id/lineage
GET /identities/:id/tokenized-fields
GET /identities/:id/detokenize/:text
POST /identities/:id/tokenize/:text
POST /identities/:id/tokenize
POST /identities/:id/detokenize
POST /reconciliation/start
POST /reconciliation/upload
POST /reconciliation/matching-rules
PUT /reconciliation/matching-rules/:id
DELETE /reconciliation/matching-rules/:id
GET /reconciliation/:id
POST /reconciliation/start-instant
GET /health
GET /ledgers
GET /ledgers/:id
PUT /ledgers/:id
POST /ledgers/filter
GET /balances
GET /balances/:id
GET /balances/indicator/:text/currency/:text
POST /balances/filter
GET /balance-monitors
GET /balance-monitors/:id
GET /balance-monitors/balances/:id
POST /balance-monitors
PUT /balance-monitors/:id
DELETE /balance-monitors/:id
GET /transactions
GET /transactions/:id
GET /transactions/reference/:text
POST /transactions/filter
POST /transactions/inflight/bulk/commit
POST /transactions/inflight/bulk/void
GET /identities
GET /identities/:id
DELETE /identities/:id
POST /identities/filter
GET /accounts
GET /accounts/:id
POST /accounts
POST /accounts/filter
POST /search/:collection
POST /multi-search`;

/** What a parameter may be, as the source of a regular expression. */
export const PARAMETERS = {
  id: "[A-Za-z0-9_-]{1,128}",
  text: "[^/]+",
  entity: "(?:ldg|bln|txn|bulk|idt)_[A-Za-z0-9_-]{1,123}",
  collection: "(?:ledgers|balances|transactions|identities|reconciliations)",
};

/** Every route. */
export const ROUTES = TABLE.trim()
  .split("\n")
  .map((row, at) => {
    const [method, pattern] = row.split(" ");
    const readsByPost = /\/(filter|search\/:collection|multi-search)$/.test(pattern);
    return {
      method,
      pattern,
      needs: method === "GET" ? "read" : readsByPost ? "either" : "write",
      documented: at < DOCUMENTED,
      shape: method !== "POST" ? undefined : { "/transactions": "single", "/transactions/bulk": "bulk" }[pattern],
      takesBody: method === "POST" || method === "PUT",
      isUpload: pattern === "/reconciliation/upload",
    };
  });

/** Whether the scopes of a credential open a route. */
export function mayUse(credential, { needs }) {
  if (needs === "read") return credential.canRead;
  return needs === "write" ? credential.canWrite : credential.canRead || credential.canWrite;
}

// Static paths are looked up; the others are tried in an order in which a static segment comes before a parameter.
const STATIC = new Map();
const PATTERNS = new Map();
for (const route of ROUTES) {
  const { method, pattern } = route;
  if (!pattern.includes(":")) {
    STATIC.set(`${method} ${pattern}`, route);
    continue;
  }
  const source = pattern.replace(/:(\w+)/g, (_, kind) => PARAMETERS[kind]);
  const bucket = `${method} ${pattern.split("/").length}`;
  const others = PATTERNS.get(bucket) ?? [];
  const own = { regex: new RegExp(`^${source}$`), route };
  PATTERNS.set(
    bucket,
    [...others, own].sort((a, b) => rank(b) - rank(a)),
  );
}

function rank({ route }) {
  return route.pattern.indexOf(":");
}

/** The route of a method and a path, undefined where there is none. */
export function find(method, path) {
  const route = STATIC.get(`${method} ${path}`);
  if (route !== undefined) return route;
  const segments = path.split("/").length;
  return PATTERNS.get(`${method} ${segments}`)?.find(({ regex }) => regex.test(path))?.route;
}

/** The methods that a path has. */
export function methodsOf(path) {
  return ["GET", "POST", "PUT", "DELETE"].filter((method) => find(method, path) !== undefined);
}
