// Refunds: the same money the other way, as a new transaction with the reference `<transaction id>_refund`.

import { CoreError, LedgerError, describe } from "./errors.mjs";
import { settleAll } from "./inflight.mjs";
import { freshView } from "./postings.mjs";
import { previewRefund } from "./previews.mjs";
import { bindBody } from "./requests.mjs";
import { createPosting } from "./transactions.mjs";

const OPTIONS = {
  name: "refundTransactionRequest",
  fields: { skip_queue: "bool", dry_run: "bool", meta_data: "map", description: "string" },
};

/** `POST /refund-transaction/:id`; the body may be empty. */
export function refundTransaction(core, { params, body }) {
  const options = bindBody(body, OPTIONS, { optional: true });
  if (options.dry_run) return { status: 200, body: previewRefund(core.store, params.id) };
  const { done, failed } = refundAll(core, params.id, options);
  if (failed.length > 0) throw new LedgerError(`error occurred during processing: [${failed.map(describe).join(" ")}]`);
  if (done.length === 0) throw new CoreError("TXN_NOT_FOUND", "no transaction to refund");
  return { status: 201, body: freshView(done[0]) };
}

/**
 * Undoes an atomic batch: holds are voided, bookings refunded through the queue.
 * @returns {{ action: string, failed: Error[] }}
 */
export function rollBack(core, parentId, inflight) {
  if (inflight) return { action: "voided", failed: settleAll(core, parentId, "void", 0n).failed };
  return { action: "refunded", failed: refundAll(core, parentId, {}).failed };
}

/** The rows that an id stands for and that can be given back, newest first. */
export function refundable(store, id) {
  return store
    .family(id)
    .filter((row) => row.status === "APPLIED" || (row.status === "VOID" && row.parent_transaction === id))
    .sort((a, b) => Number(b.created_at - a.created_at));
}

/** The refund of a row, checked but not booked. */
export function refundOf(store, row, { skip_queue: skipQueue = false, description = "", meta_data: meta = null }) {
  const refunded = [...store.transactions.values()].some(
    (other) => other.parent_transaction === row.transaction_id && other.source === row.destination && other.destination === row.source,
  );
  if (refunded) throw new LedgerError(`transaction ${row.transaction_id} has already been refunded`);
  return {
    ...row, transaction_id: "", parent_transaction: row.transaction_id, reference: `${row.transaction_id}_refund`, source: row.destination,
    destination: row.source, allow_overdraft: true, overdraft_limit: 0, skip_queue: skipQueue, atomic: false, inflight: row.status === "VOID",
    status: "", description: description || row.description, meta: new Map([...row.meta, ...(meta ?? [])]), effective_date: null,
    scheduled_for: null, inflight_expiry_date: null, inflight_commit_date: null, sources: [], destinations: [],
  };
}

function refundAll(core, id, options) {
  const done = [];
  const failed = [];
  for (const row of refundable(core.store, id)) {
    try {
      done.push(createPosting(core, refundOf(core.store, row, options)));
    } catch (error) {
      if (!(error instanceof LedgerError || error instanceof CoreError)) throw error;
      failed.push(error);
    }
  }
  return { done, failed };
}
