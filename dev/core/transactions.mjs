// Creating and reading transactions. With `skip_queue` a transaction is booked before the answer; without it the answer
// says QUEUED, and the queue books it later.

import { now } from "./clock.mjs";
import { CoreError, LedgerError, isRefusal } from "./errors.mjs";
import { runAction } from "./inflight.mjs";
import { splitLegs } from "./legs.mjs";
import { Run } from "./parts.mjs";
import { applyPrecision, freshView, hashOf, listedView, storedView } from "./postings.mjs";
import { preview } from "./previews.mjs";
import { queue } from "./queue.mjs";
import { rollBack } from "./refunds.mjs";
import { TRANSACTION, bindBody, toTransaction, transactionFaults } from "./requests.mjs";
import { newId } from "./store.mjs";

/** `POST /transactions` */
export async function createTransaction(core, { body, signal }) {
  const bound = bindBody(body, TRANSACTION, { message: "Invalid input" });
  const faults = transactionFaults(bound);
  if (faults) throw new CoreError("TXN_VALIDATION_ERROR", faults, { key: "errors" });
  const txn = toTransaction(bound);
  if (bound.dry_run) return { status: 200, body: preview(core.store, txn) };
  return { status: 201, body: freshView(await createPosting(new Run(core, { signal }), txn)) };
}

/** `GET /transactions/:id` */
export function transactionById({ store }, { params }) {
  return { status: 200, body: storedView(store.transaction(params.id)) };
}

/** `GET /transactions/reference/:reference`; Core leaves precision and hash out of this one. */
export function transactionByReference({ store }, { params }) {
  const row = store.references.get(params.reference);
  if (!row)
    throw new CoreError("GEN_NOT_FOUND", `Transaction with reference '${params.reference}' not found`, { details: {} });
  return { status: 200, body: { ...storedView(row), precision: 0, hash: "" } };
}

/** All rows, newest first, as lists show them. */
export function listTransactions(store) {
  return [...store.transactions.values()]
    .reverse()
    .sort((a, b) => Number(b.created_at - a.created_at))
    .map(listedView);
}

/**
 * Takes a transaction in: books it now, or answers QUEUED and books it later.
 * @returns {Promise<object>} the transaction as the answer shows it
 */
export async function createPosting(run, txn) {
  const { core } = run;
  const { later } = core.store;
  prepare(txn);
  const legs = splitLegs(txn, core.legOrder);
  if (txn.skip_queue) {
    await bookNow(run, txn, legs);
    txn.status = txn.inflight ? "INFLIGHT" : "APPLIED";
  } else {
    await run.begin(txn);
    queue(core, txn, legs);
  }
  const { transaction_id: id } = txn;
  if (txn.inflight_expiry_date !== null)
    later.at(txn.inflight_expiry_date, () => runAction(core, id, "void", 0n, newId("act")));
  if (txn.inflight_commit_date !== null)
    later.at(txn.inflight_commit_date, () => runAction(core, id, "commit", 0n, newId("act")));
  return txn;
}

function prepare(txn) {
  txn.created_at = now();
  txn.effective_date ??= txn.created_at;
  txn.hash = hashOf(txn);
  applyPrecision(txn);
  txn.transaction_id ||= newId("txn");
  if (txn.inflight) txn.meta.set("inflight", true);
  if (txn.atomic) txn.meta.set("atomic", true);
  if (txn.allow_overdraft) txn.meta.set("allow_overdraft", true);
  txn.status = txn.scheduled_for === null ? txn.status || "QUEUED" : "SCHEDULED";
}

async function bookNow(run, txn, legs) {
  if (legs.length === 0) {
    await run.book(txn);
    return;
  }
  for (const [i, leg] of legs.entries()) {
    try {
      await run.book(leg);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (leg.atomic) await rollBack(run, txn.transaction_id, leg.inflight);
      // A record that is missing keeps its own code and words; any other failure says which leg it was.
      throw error instanceof LedgerError
        ? new LedgerError(`failed to record split transaction ${i}: ${error.message}`)
        : error;
    }
  }
}
