// Batches: several transactions in one request, and commits and voids of several holds.

import { CoreError, classify, describe, isRefusal, statusOf } from "./errors.mjs";
import { queueAction, requestedUnits, settle } from "./inflight.mjs";
import { Run } from "./parts.mjs";
import { Projection, preview, previewActions } from "./previews.mjs";
import { rollBack } from "./refunds.mjs";
import { TRANSACTION, bindBody, toTransaction, transactionFaults } from "./requests.mjs";
import { newId } from "./store.mjs";
import { createPosting } from "./transactions.mjs";

const MAX_TRANSACTIONS = 10_000;
const MAX_HOLDS = 100;
// As many holds are settled at a time.
const WORKERS = 8;
const INDEPENDENT =
  "items are dispatched concurrently unless skip_queue is set, so each item is projected independently against " +
  "current balances and real execution order is not guaranteed";
const COMPENSATED =
  "an atomic batch compensates on failure by voiding or refunding already-applied items rather than rolling back, " +
  "and that compensation can itself fail";
const POOLED =
  "items are dispatched across a worker pool, so each is projected independently against current balances and real " +
  "execution order is not guaranteed";

const BULK = {
  name: "BulkTransactionRequest",
  fields: {
    transactions: { list: TRANSACTION, pointers: true },
    inflight: "bool",
    atomic: "bool",
    run_async: "bool",
    skip_queue: "bool",
    dry_run: "bool",
  },
};
const COMMITS = {
  name: "BulkInflightCommitRequest",
  fields: {
    transactions: {
      list: {
        name: "BulkInflightCommitItem",
        fields: { transaction_id: "string", amount: "float", precise_amount: "bigint" },
      },
    },
    skip_queue: "bool",
    dry_run: "bool",
  },
};
const VOIDS = {
  name: "BulkInflightVoidRequest",
  fields: { transaction_ids: "strings", skip_queue: "bool", dry_run: "bool" },
};

/** `POST /transactions/bulk` */
export async function createBulk(core, { body, signal }) {
  const bound = bindBody(body, BULK, { prefix: "Invalid request body: ", plainText: true });
  refuseSize(bound.transactions.length, "transactions", MAX_TRANSACTIONS);
  bound.transactions.forEach(refuseItem);
  const items = bound.transactions.map((item) => ({
    ...toTransaction(item),
    inflight: bound.inflight,
    skip_queue: bound.skip_queue,
  }));
  if (bound.dry_run) return { status: 200, body: previewBulk(core.store, bound, items) };
  const batchId = newId("bulk");
  if (bound.run_async) {
    core.store.later.after(core.delays.insert, () => runBatch(new Run(core), batchId, bound, items));
    return {
      status: 202,
      body: { batch_id: batchId, message: "Bulk transaction processing started", status: "processing" },
    };
  }
  const failure = await runBatch(new Run(core, { signal }), batchId, bound, items);
  if (failure === undefined) {
    return {
      status: 201,
      body: { batch_id: batchId, status: bound.inflight ? "inflight" : "applied", transaction_count: items.length },
    };
  }
  const code = classify(failure) ?? "GEN_BAD_REQUEST";
  const detail = { code, message: failure, details: { batch_id: batchId } };
  return { status: statusOf(code), body: { batch_id: batchId, error: failure, error_detail: detail } };
}

function refuseSize(count, name, max) {
  if (count === 0) throw new CoreError("TXN_BULK_EMPTY", `${name} cannot be empty`);
  if (count > max) throw new CoreError("TXN_BULK_LIMIT_EXCEEDED", `too many ${name}; max is ${max}`);
}

function refuseItem(item, index) {
  const faults = item === null ? " is required" : transactionFaults(item);
  if (!faults) return;
  const message = `transactions[${index}]${item === null ? faults : `: ${faults}`}`;
  throw new CoreError("TXN_VALIDATION_ERROR", message, { key: "errors", details: { index } });
}

/** @returns {Promise<string | undefined>} what went wrong */
async function runBatch(run, batchId, { atomic, inflight }, items) {
  for (const [i, txn] of items.entries()) {
    txn.parent_transaction = batchId;
    txn.meta.set("sequence", i + 1);
    try {
      await createPosting(run, txn);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return failureText(run, batchId, atomic, inflight, i, txn, error);
    }
  }
  return undefined;
}

async function failureText(run, batchId, atomic, inflight, i, txn, error) {
  const which =
    `Reference: ${txn.reference}, Source: ${txn.source}, Destination: ${txn.destination}, ` +
    `Amount: ${txn.amount.toFixed(2)}`;
  const text = `failed to queue transaction ${i + 1} (${which}): ${describe(error)}.`;
  if (!atomic) return `${text} Previous transactions were not rolled back.`;
  const { action, failed } = await rollBack(run, batchId, inflight);
  if (failed.length === 0) return `${text} All transactions in this batch have been ${action}.`;
  const faults = failed.map(describe).join(" ");
  return `${text} Failed to roll back all transactions: error occurred during processing: [${faults}]`;
}

function previewBulk(store, { skip_queue: cumulative, atomic, run_async: runAsync }, items) {
  const notes = [];
  if (!cumulative) notes.push(INDEPENDENT);
  if (atomic) notes.push(COMPENSATED);
  if (runAsync) notes.push("run_async is ignored in a dry run; the projection is returned immediately");
  const shared = new Projection(store);
  const results = items.map((txn) => preview(store, txn, cumulative ? shared : undefined));
  return {
    dry_run: true,
    would_apply: results.every((each) => each.would_apply),
    cumulative,
    atomic,
    results,
    balances: cumulative ? shared.balances() : undefined,
    notes: notes.length > 0 ? notes : undefined,
  };
}

/** `POST /transactions/inflight/bulk/commit` */
export function commitBulk(core, { body, signal }) {
  const bound = bindBody(body, COMMITS, { plainText: true });
  refuseSize(bound.transactions.length, "transactions", MAX_HOLDS);
  const items = bound.transactions.map((item) => ({
    id: item.transaction_id,
    units: requestedUnits(core.store, item.transaction_id, item),
  }));
  return actOnHolds(new Run(core, { signal }), "commit", bound, items);
}

/** `POST /transactions/inflight/bulk/void` */
export function voidBulk(core, { body, signal }) {
  const bound = bindBody(body, VOIDS, { plainText: true });
  const ids = bound.transaction_ids ?? [];
  refuseSize(ids.length, "transaction_ids", MAX_HOLDS);
  return actOnHolds(
    new Run(core, { signal }),
    "void",
    bound,
    ids.map((id) => ({ id, units: 0n })),
  );
}

async function actOnHolds(run, action, { skip_queue: now, dry_run: dryRun }, items) {
  if (dryRun) {
    const results = items.map(({ id, units }) => previewActions(run.core.store, id, action, units));
    const wouldApply = results.every((each) => each.would_apply);
    return {
      status: 200,
      body: { dry_run: true, would_apply: wouldApply, cumulative: false, atomic: false, results, notes: [POOLED] },
    };
  }
  const results = await pooled(items, (item) => actOnHold(run, action, now, item));
  const failed = results.filter((each) => each.status === "failed").length;
  return { status: 200, body: { succeeded: results.length - failed, failed, results } };
}

/** The results of work on each item, in order; several items are worked on at a time. */
async function pooled(items, work) {
  const results = [];
  const waiting = items.entries();
  const worker = async () => {
    for (const [i, item] of waiting) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  return results;
}

// Only a hold itself can be settled here now; the id of its batch or of its legs' parent is not found.
async function actOnHold(run, action, now, { id, units }) {
  try {
    if (now) {
      await settle(run, id, action, units);
      return { transaction_id: id, status: "succeeded" };
    }
    queueAction(run.core, id, action, units);
    return { transaction_id: id, status: "queued", code: "QUEUED" };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const message = describe(error);
    if (!now && error.code === "GEN_CONFLICT")
      return { transaction_id: id, status: "queued", code: "ALREADY_QUEUED", message: error.message };
    return { transaction_id: id, status: "failed", code: holdCode(message), message };
  }
}

function holdCode(message) {
  if (message.includes("not found")) return "NOT_FOUND";
  if (message.includes("has already been voided")) return "ALREADY_VOIDED";
  if (message.includes("Transaction already committed")) return "ALREADY_COMMITTED";
  if (message.includes("not in inflight status")) return "NOT_INFLIGHT";
  if (message.includes("cannot commit more than")) return "INVALID_AMOUNT";
  return message.includes("failed to acquire lock") ? "LOCKED" : "INTERNAL_ERROR";
}
