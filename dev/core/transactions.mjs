// Creating and reading transactions. With `skip_queue` a transaction is booked before the answer; without it the answer
// says QUEUED, the row is written a moment later and a child, `<reference>_q`, is booked after that.

import { now } from "./clock.mjs";
import { CoreError, LedgerError, describe } from "./errors.mjs";
import { runAction } from "./inflight.mjs";
import { trackLineage } from "./lineage.mjs";
import { distribute, fromUnits } from "./money.mjs";
import { applyPrecision, freshView, hashOf, listedView, record, resolveBalance, storedView } from "./postings.mjs";
import { preview } from "./previews.mjs";
import { rollBack } from "./refunds.mjs";
import { TRANSACTION, bindBody, toTransaction, transactionFaults } from "./requests.mjs";
import { newId } from "./store.mjs";

/** `POST /transactions` */
export function createTransaction(core, { body }) {
  const bound = bindBody(body, TRANSACTION, { message: "Invalid input" });
  const faults = transactionFaults(bound);
  if (faults) throw new CoreError("TXN_VALIDATION_ERROR", faults, { key: "errors" });
  const txn = toTransaction(bound);
  if (bound.dry_run) return { status: 200, body: preview(core.store, txn) };
  return { status: 201, body: freshView(createPosting(core, txn)) };
}

/** `GET /transactions/:id` */
export function transactionById({ store }, { params }) {
  return { status: 200, body: storedView(store.transaction(params.id)) };
}

/** `GET /transactions/reference/:reference`; Core leaves precision and hash out of this one. */
export function transactionByReference({ store }, { params }) {
  const row = store.references.get(params.reference);
  if (!row) throw new CoreError("GEN_NOT_FOUND", `Transaction with reference '${params.reference}' not found`, { details: {} });
  return { status: 200, body: { ...storedView(row), precision: 0, hash: "" } };
}

/** All rows, newest first, as lists show them. */
export function listTransactions(store) {
  return [...store.transactions.values()].reverse().sort((a, b) => Number(b.created_at - a.created_at)).map(listedView);
}

/**
 * Takes a transaction in: books it now, or answers QUEUED and books it later.
 * @returns {object} the transaction as the answer shows it
 */
export function createPosting(core, txn) {
  const { store } = core;
  prepare(txn);
  const legs = splitLegs(txn);
  if (txn.skip_queue) {
    bookNow(core, txn, legs);
    txn.status = txn.inflight ? "INFLIGHT" : "APPLIED";
  } else {
    const batch = txn.parent_transaction.includes("bulk") ? txn.parent_transaction : undefined;
    txn.meta.set("QUEUED_PARENT_TRANSACTION", batch ?? txn.transaction_id);
    for (const each of legs) each.meta = new Map(txn.meta);
    const queued = legs.length > 0 ? legs : [{ ...txn, meta: new Map(txn.meta) }];
    queued.forEach((each, i) => {
      if (legs.length > 0) each.reference = `${txn.reference}_${i + 1}`;
      store.later.after(core.delays.insert, () => enqueue(core, each));
    });
  }
  const { transaction_id: id } = txn;
  if (txn.inflight_expiry_date !== null) store.later.at(txn.inflight_expiry_date, () => runAction(core, id, "void", 0n, newId("act")));
  if (txn.inflight_commit_date !== null) store.later.at(txn.inflight_commit_date, () => runAction(core, id, "commit", 0n, newId("act")));
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

/** The legs of a transaction with several sources or destinations, as transactions of their own. */
export function splitLegs(txn) {
  const side = txn.sources.length > 0 ? "source" : "destination";
  const shares = txn[`${side}s`];
  if (shares.length === 0) return [];
  let parts;
  try {
    parts = distribute(txn.precise_amount, shares, txn.precision);
  } catch (error) {
    throw new LedgerError(`failed to split transaction: ${error.message}`);
  }
  return [...parts].map(([identifier, units], i) => {
    const leg = {
      ...txn, transaction_id: newId("txn"), parent_transaction: txn.transaction_id, reference: `${txn.reference}-${i + 1}`,
      precise_amount: units, amount_string: fromUnits(units, txn.precision), [side]: identifier, sources: [], destinations: [], meta: new Map(txn.meta),
    };
    leg.amount = Number(leg.amount_string);
    leg.hash = hashOf(leg);
    shares[i].transaction_id = leg.transaction_id;
    return leg;
  });
}

function bookNow(core, txn, legs) {
  if (legs.length === 0) {
    trackLineage(core, record(core.store, txn));
    return;
  }
  legs.forEach((leg, i) => {
    try {
      trackLineage(core, record(core.store, leg));
    } catch (error) {
      if (leg.atomic) rollBack(core, txn.transaction_id, leg.inflight);
      // A record that is missing keeps its own code and words; any other failure says which leg it was.
      throw error instanceof LedgerError ? new LedgerError(`failed to record split transaction ${i}: ${error.message}`) : error;
    }
  });
}

/** Writes the QUEUED row. One whose reference is taken, or whose balance is unknown, is dropped without a word, as in Core. */
function enqueue(core, txn) {
  const { store } = core;
  txn.source = resolveBalance(store, txn.source, txn.currency);
  txn.destination = resolveBalance(store, txn.destination, txn.currency);
  txn.meta.set("queue_lane", "normal").set("queue_pair_key", `${txn.source}|${txn.destination}|${txn.currency}`);
  const parent = { ...txn, sources: [], destinations: [] };
  if (!store.insert(parent)) return;
  const child = {
    ...parent, meta: new Map(parent.meta), transaction_id: newId("txn"), parent_transaction: parent.transaction_id, reference: `${parent.reference}_q`,
  };
  if (txn.scheduled_for === null) store.later.after(core.delays.apply, () => work(core, child));
  else store.later.at(txn.scheduled_for, () => work(core, child));
}

function work(core, child) {
  try {
    trackLineage(core, record(core.store, child));
  } catch (error) {
    if (!(error instanceof LedgerError || error instanceof CoreError)) throw error;
    reject(core, child, describe(error));
  }
}

function reject(core, child, reason) {
  child.status = "REJECTED";
  child.meta.set("blnk_rejection_reason", reason);
  if (core.store.insert(child) && child.atomic) rollBack(core, child.meta.get("QUEUED_PARENT_TRANSACTION"), child.inflight);
}
