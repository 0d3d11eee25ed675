// Refunds: the same money the other way, as a new transaction with the reference `<transaction id>_refund`.

import { CoreError, LedgerError, describe, isRefusal, wrapped } from "./errors.mjs";
import { settleAll } from "./inflight.mjs";
import { goneError } from "./locks.mjs";
import { Run } from "./parts.mjs";
import { freshView } from "./postings.mjs";
import { previewRefund } from "./previews.mjs";
import { bindBody } from "./requests.mjs";
import { createPosting } from "./transactions.mjs";

const OPTIONS = {
  name: "refundTransactionRequest",
  fields: { skip_queue: "bool", dry_run: "bool", meta_data: "map", description: "string" },
};

/** `POST /refund-transaction/:id`; the body may be empty. */
export async function refundTransaction(core, { params, body, signal }) {
  const options = bindBody(body, OPTIONS, { optional: true });
  if (options.dry_run) return { status: 200, body: previewRefund(core.store, params.id) };
  const { done, failed } = await refundAll(new Run(core, { signal }), params.id, options);
  if (failed.length > 0) throw new LedgerError(`error occurred during processing: [${failed.map(describe).join(" ")}]`);
  if (done.length === 0) throw new CoreError("TXN_NOT_FOUND", "no transaction to refund");
  return { status: 201, body: freshView(done[0]) };
}

/**
 * Undoes an atomic batch: holds are voided at once, bookings refunded through the queue. When the caller has gone away
 * everything stays as it is.
 * @returns {Promise<{ action: string, failed: Error[] }>}
 */
export async function rollBack(run, parentId, inflight) {
  const action = inflight ? "voided" : "refunded";
  if (run.signal?.aborted) return { action, failed: [goneError()] };
  const { failed } = inflight ? await settleAll(run, parentId, "void", 0n) : await refundAll(run, parentId, {});
  return { action, failed };
}

/**
 * The rows that an id stands for and that Core gives back, newest first. Earlier refunds are among them: one has its
 * original as parent, and one that did not go through the queue inherits the mark of a queued original.
 */
export function refundable(store, id) {
  return store
    .family(id)
    .filter((row) => row.status === "APPLIED" || (row.status === "VOID" && row.parent_transaction === id))
    .sort((a, b) => Number(b.created_at - a.created_at));
}

/** The refund of a row, checked but not booked. */
export function refundOf(store, row, { skip_queue: skipQueue = false, description = "", meta_data: meta = null }) {
  const refunded = [...store.transactions.values()].some(
    (other) =>
      other.parent_transaction === row.transaction_id &&
      other.source === row.destination &&
      other.destination === row.source,
  );
  if (refunded) throw new LedgerError(`transaction ${row.transaction_id} has already been refunded`);
  return {
    ...row,
    transaction_id: "",
    parent_transaction: row.transaction_id,
    reference: `${row.transaction_id}_refund`,
    source: row.destination,
    destination: row.source,
    allow_overdraft: true,
    overdraft_limit: 0,
    skip_queue: skipQueue,
    atomic: false,
    inflight: row.status === "VOID",
    status: "",
    description: description || row.description,
    meta: new Map([...row.meta, ...(meta ?? [])]),
    effective_date: null,
    scheduled_for: null,
    inflight_expiry_date: null,
    inflight_commit_date: null,
    sources: [],
    destinations: [],
  };
}

async function refundAll(run, id, options) {
  const { core } = run;
  const rows = refundable(core.store, id);
  const done = [];
  const failed = [];
  let fetching = core.lateRefundFetch;
  for (let i = 0; i < rows.length; i += 1) {
    try {
      done.push(await refund(run, rows[i], options));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      failed.push(error);
    }
    if (!fetching) continue;
    // Core reads the next page while it books. What it booked is newer and pushes an original into that page again.
    const more = refundable(core.store, id).slice(rows.length);
    fetching = more.length > 0;
    rows.push(...more);
  }
  return { done, failed };
}

function refund(run, row, options) {
  const { store, locks } = run.core;
  return locks.alone(`refund:${row.transaction_id}`, "refund", run.signal, async () => {
    const txn = refundOf(store, row, options);
    try {
      return await createPosting(run, txn);
    } catch (error) {
      throw wrapped(`failed to queue refund transaction ${txn.transaction_id}`, error);
    }
  });
}
