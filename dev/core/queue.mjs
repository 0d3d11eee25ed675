// The queue: a transaction without `skip_queue` is a row that stays QUEUED, and a child, `<reference>_q`, that is
// booked or rejected later.

import { now } from "./clock.mjs";
import { describe, isRefusal } from "./errors.mjs";
import { MAX_RETRIES, isLocked } from "./locks.mjs";
import { Run } from "./parts.mjs";
import { hashOf, resolveBalance } from "./postings.mjs";
import { rollBack } from "./refunds.mjs";
import { newId } from "./store.mjs";

/**
 * Takes a transaction or its legs in: a moment later the QUEUED rows are there, and after that their children are
 * booked.
 */
export function queue(core, txn, legs) {
  const queued = toQueue(txn, legs);
  core.store.later.after(core.delays.insert, () => enqueue(core, queued));
}

function toQueue(txn, legs) {
  const batch = txn.parent_transaction.includes("bulk") ? txn.parent_transaction : undefined;
  txn.meta.set("QUEUED_PARENT_TRANSACTION", batch ?? txn.transaction_id);
  if (legs.length === 0) return [{ ...txn, meta: new Map(txn.meta) }];
  return legs.map((leg, i) => ({ ...leg, reference: `${txn.reference}_${i + 1}`, meta: new Map(txn.meta) }));
}

/**
 * Writes the QUEUED rows. One whose reference is taken, or whose balance is unknown, is dropped without a word, as in
 * Core: the legs before it stay QUEUED for ever, and none of them is booked.
 */
function enqueue(core, queued) {
  const { later } = core.store;
  const children = [];
  for (const txn of queued) {
    const child = insertQueued(core.store, txn);
    if (!child) return;
    children.push(child);
  }
  for (const child of children) {
    if (child.scheduled_for === null) later.after(core.delays.apply, () => work(core, child));
    else later.at(child.scheduled_for, () => work(core, child));
  }
}

/** @returns {object | undefined} the child that is to be booked */
function insertQueued(store, txn) {
  txn.created_at = now();
  txn.hash = hashOf(txn);
  txn.source = resolveBalance(store, txn.source, txn.currency);
  txn.destination = resolveBalance(store, txn.destination, txn.currency);
  txn.meta.set("queue_lane", "normal").set("queue_pair_key", `${txn.source}|${txn.destination}|${txn.currency}`);
  const parent = { ...txn, sources: [], destinations: [] };
  if (!store.insert(parent)) return undefined;
  return {
    ...parent,
    meta: new Map(parent.meta),
    transaction_id: newId("txn"),
    parent_transaction: parent.transaction_id,
    reference: `${parent.reference}_q`,
  };
}

async function work(core, child, attempt = 0) {
  const run = new Run(core, { hooked: false });
  try {
    await run.book(child);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    if (isLocked(error) && attempt < MAX_RETRIES)
      core.store.later.after(core.retryDelayMs, () => work(core, child, attempt + 1));
    else await reject(run, child, describe(error));
  }
}

async function reject(run, child, reason) {
  child.status = "REJECTED";
  child.meta.set("blnk_rejection_reason", reason);
  if (run.core.store.insert(child) && child.atomic)
    await rollBack(run, child.meta.get("QUEUED_PARENT_TRANSACTION"), child.inflight);
}
