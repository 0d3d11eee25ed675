// Holds: committing (whole or in part) and voiding what was booked as INFLIGHT. The INFLIGHT row stays; a child row
// says what became of it.

import { now } from "./clock.mjs";
import { CoreError, LedgerError, classify, describe, isRefusal, wrapped } from "./errors.mjs";
import { MAX_RETRIES, isLocked } from "./locks.mjs";
import { fromUnits, toUnits } from "./money.mjs";
import { Run } from "./parts.mjs";
import { freshView, hashOf, storedView } from "./postings.mjs";
import { previewActions } from "./previews.mjs";
import { bindBody } from "./requests.mjs";
import { newId } from "./store.mjs";

const UPDATE = {
  name: "InflightUpdate",
  fields: { status: "string", amount: "float", precise_amount: "bigint", skip_queue: "bool", dry_run: "bool" },
};

/** `PUT /transactions/inflight/:txID`; with legs an amount is committed of each of them. */
export async function updateInflight(core, { params, body, signal }) {
  const { store } = core;
  const bound = bindBody(body, UPDATE, { plainText: true });
  if (bound.status !== "commit" && bound.status !== "void") {
    throw new CoreError("TXN_INVALID_STATUS_ACTION", "status not supported. use either commit or void");
  }
  if (bound.precise_amount !== null && bound.precise_amount <= 0n)
    throw new CoreError("TXN_INVALID_AMOUNT", "precise_amount must be positive");
  const units = requestedUnits(store, params.txID, bound);
  if (bound.dry_run) return { status: 200, body: previewActions(store, params.txID, bound.status, units) };
  if (!bound.skip_queue)
    return { status: 200, body: { ...storedView(queueAction(core, params.txID, bound.status, units)), queued: true } };
  const { done, failed } = await settleAll(new Run(core, { signal }), params.txID, bound.status, units);
  if (failed.length > 0) throw new LedgerError(`error occurred during processing: [${failed.map(describe).join(" ")}]`);
  if (done.length === 0) throw new CoreError("TXN_NOT_INFLIGHT", `no transaction to ${bound.status}`);
  return { status: 200, body: freshView(done[0]) };
}

/** How much is asked for, in units; 0 is all that is left. */
export function requestedUnits(store, id, { amount, precise_amount: units }) {
  if (units !== null) return units;
  const precision = store.family(id)[0]?.precision || 1;
  return toUnits(amount, precision);
}

/** The holds that an id stands for, newest first. */
export const holds = (store, id) =>
  store
    .family(id)
    .filter((row) => row.status === "INFLIGHT")
    .sort((a, b) => Number(b.created_at - a.created_at));

/** Queues a commit or a void; one a transaction at a time. */
export function queueAction(core, id, action, units) {
  const { store } = core;
  const representative = validate(store, id, action, units);
  if (store.inflightActions.has(id))
    throw new CoreError("GEN_CONFLICT", "a commit or void is already queued for this transaction");
  const actionId = newId("act");
  store.inflightActions.set(id, actionId);
  store.later.after(core.delays.apply, () => runAction(core, id, action, units, actionId));
  return representative;
}

/**
 * Carries a queued or dated action out; a hold that is gone by then is no fault, and one that is locked is tried again.
 */
export async function runAction(core, id, action, units, actionId, attempt = 0) {
  const run = new Run(core, { hooked: false });
  let again = false;
  for (const hold of holds(core.store, id)) {
    try {
      await settle(run, hold.transaction_id, action, units, `${hold.transaction_id}_${action}_${actionId}`);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      again ||= isLocked(error) && attempt < MAX_RETRIES;
    }
  }
  if (again) core.store.later.after(core.retryDelayMs, () => runAction(core, id, action, units, actionId, attempt + 1));
  else if (core.store.inflightActions.get(id) === actionId) core.store.inflightActions.delete(id);
}

/** Commits or voids every hold of an id, one after the other. */
export async function settleAll(run, id, action, units) {
  const done = [];
  const failed = [];
  for (const hold of holds(run.core.store, id)) {
    try {
      done.push(await settle(run, hold.transaction_id, action, units));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      failed.push(error);
    }
  }
  return { done, failed };
}

/** Commits or voids one hold. */
export function settle(run, id, action, units, reference = newId("ref")) {
  const { store, locks } = run.core;
  return locks.alone(`inflight-commit:${id}`, `inflight ${action}`, run.signal, async () => {
    const txn = settlement(store, store.transaction(id), action, units, reference);
    try {
      return await run.book(txn);
    } catch (error) {
      throw wrapped("saving transaction to db error", error);
    }
  });
}

/** The transaction that settles a hold, checked but not booked. */
export function settlement(store, hold, action, units, reference = newId("ref")) {
  const left = remaining(store, hold, action);
  if (action === "commit") refuseTooMuch(hold, units, left);
  const at = now();
  const txn = {
    ...hold,
    transaction_id: newId("txn"),
    parent_transaction: hold.transaction_id,
    reference,
    meta: new Map(hold.meta),
    inflight: false,
    status: action === "commit" ? "COMMIT" : "VOID",
    precise_amount: action === "commit" && units !== 0n ? units : left,
    created_at: at,
    effective_date: at,
    allow_overdraft: false,
    overdraft_limit: 0,
    skip_queue: false,
    atomic: false,
    scheduled_for: null,
    inflight_expiry_date: null,
    inflight_commit_date: null,
  };
  txn.hash = hashOf(txn);
  return txn;
}

function remaining(store, hold, action) {
  if (hold.status !== "INFLIGHT") throw new LedgerError("transaction is not in inflight status");
  const children = [...store.transactions.values()].filter((row) => row.parent_transaction === hold.transaction_id);
  if (children.some((row) => row.status === "VOID")) throw new LedgerError("transaction has already been voided");
  const committed = children
    .filter((row) => row.status === "APPLIED")
    .reduce((sum, row) => sum + row.precise_amount, 0n);
  if (committed === hold.precise_amount) throw new LedgerError(`cannot ${action}. Transaction already committed`);
  return hold.precise_amount - committed;
}

function refuseTooMuch(hold, units, left) {
  const money = (value) => `${hold.currency}${Number(fromUnits(value, hold.precision)).toFixed(2)}`;
  if (units < 0n) throw new LedgerError("commit amount cannot be negative");
  if (units > hold.precise_amount) {
    throw new LedgerError(
      `cannot commit more than the original transaction amount. Original: ${money(hold.precise_amount)}, ` +
        `Requested: ${money(units)}`,
    );
  }
  if (units > left) {
    throw new LedgerError(
      `cannot commit more than the remaining amount. Available: ${money(left)}, Requested: ${money(units)}`,
    );
  }
}

/** What is asked for must be possible now, or nothing is queued. */
function validate(store, id, action, units) {
  const own = store.transactions.get(id);
  if (own?.status === "INFLIGHT") {
    settlement(store, own, action, units);
    return own;
  }
  const children = holds(store, id);
  if (children.length === 0) throw own ? new LedgerError("transaction is not in inflight status") : unknown(id);
  if (children.every((hold) => isSettled(store, hold, action)))
    throw new LedgerError(`cannot ${action}. Transaction already committed`);
  return { ...children[0], transaction_id: id };
}

const unknown = (id) => new CoreError("GEN_NOT_FOUND", `Transaction with ID '${id}' not found`, { details: {} });

function isSettled(store, hold, action) {
  try {
    remaining(store, hold, action);
    return false;
  } catch (error) {
    return classify(error.message) === "TXN_ALREADY_COMMITTED";
  }
}
