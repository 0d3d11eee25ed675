/**
 * A scripted Core that keeps transactions as the real one does, as far as retries can tell: by reference, legs under
 * names of their own, queued ones stored later, and a second one of the same reference dropped without a word.
 */
import { reply } from "./harness/replies.mjs";

/** @returns a reply for `startUpstream`, what it booked, and faults for its next writes */
export function startLedger() {
  /** @type {Map<string, Record<string, unknown>>} every stored row, by its reference */
  const rows = new Map();
  /** @type {((exchange: object, book: () => Promise<void>) => unknown)[]} */
  const faults = [];
  let ids = 0;

  const store = (row) => {
    if (rows.has(row.reference)) return false;
    rows.set(row.reference, row);
    return true;
  };

  /** Takes a create as Core does, and gives the reply. */
  function create(text) {
    const body = JSON.parse(text);
    const several = body.sources ?? body.destinations;
    const status = body.skip_queue ? "APPLIED" : "QUEUED";
    const row = { transaction_id: `txn_${(ids += 1)}`, reference: body.reference, amount: body.amount, precision: body.precision, status };
    const mark = body.skip_queue ? "-" : "_";
    const parts = several
      ? several.map((_, at) => ({ ...row, transaction_id: `txn_${(ids += 1)}`, parent_transaction: row.transaction_id, reference: `${body.reference}${mark}${at + 1}` }))
      : [row];
    if (!body.skip_queue) setTimeout(() => parts.forEach(store), ledger.insertMs).unref();
    else if (parts.some(({ reference }) => rows.has(reference))) return failure(409, "TXN_DUPLICATE_REFERENCE");
    else parts.forEach(store);
    return reply({ status: 201, body: row });
  }

  const ledger = {
    rows,
    /** How long a queued insert takes. */
    insertMs: 5,
    /** What happens to the next writes, one each: a function of the exchange and of what would be done without it. */
    next: (...more) => faults.push(...more),
    answer: async (exchange) => {
      const { method, target } = exchange.request;
      const [, reference] = /^\/transactions\/reference\/([^?]*)/.exec(target) ?? [];
      if (method === "GET" && reference !== undefined) {
        if (reference.includes("%2F")) return reply({ status: 404, body: "404 page not found" })(exchange);
        const row = rows.get(decodeURIComponent(reference));
        return (row ? reply({ body: row }) : failure(404, "TXN_NOT_FOUND"))(exchange);
      }
      const text = (await exchange.body()).bytes.toString("utf8");
      const usual = () => (target.startsWith("/transactions") && !target.includes("bulk") ? create(text) : reply({ status: 201, body: { made: (ids += 1) } }));
      const fault = faults.shift();
      return fault ? fault(exchange, usual) : usual()(exchange);
    },
  };
  return ledger;
}

/** An error as Core gives it. */
export function failure(status, code) {
  return reply({ status, body: { error: code, error_detail: { code, message: code, details: {} } } });
}

/** Core acts, and its answer is lost. */
export function loseAnswer(exchange, usual) {
  usual();
  exchange.reset();
}

/** The request is lost: Core does not act. */
export const loseRequest = (exchange) => exchange.reset();

/** Core acts, and says nothing for as long as the caller waits. */
export async function actAndHang(exchange, usual) {
  usual();
  await exchange.closed;
}

/** Core answers something else, and does not act. */
export const instead = (then) => (exchange) => then(exchange);
