// Transactions with several sources or destinations: one leg for each.

import { LedgerError } from "./errors.mjs";
import { distribute, fromUnits } from "./money.mjs";
import { hashOf } from "./postings.mjs";
import { newId } from "./store.mjs";

/**
 * The legs of a transaction with several sources or destinations, as transactions of their own. Core numbers them in
 * the order in which a map of Go gives them out: any.
 * @param {object} txn
 * @param {(identifiers: string[]) => string[]} [order]
 */
export function splitLegs(txn, order = (identifiers) => identifiers) {
  const side = txn.sources.length > 0 ? "source" : "destination";
  const shares = txn[`${side}s`];
  if (shares.length === 0) return [];
  let parts;
  try {
    parts = distribute(txn.precise_amount, shares, txn.precision);
  } catch (error) {
    throw new LedgerError(`failed to split transaction: ${error.message}`);
  }
  return order([...parts.keys()]).map((identifier, i) => {
    const units = parts.get(identifier);
    const leg = {
      ...txn,
      transaction_id: newId("txn"),
      parent_transaction: txn.transaction_id,
      precise_amount: units,
      amount_string: fromUnits(units, txn.precision),
      sources: [],
      destinations: [],
      meta: new Map(txn.meta),
    };
    leg.amount = Number(leg.amount_string);
    // Core hashes a leg before it knows its balance and its number: legs of one amount share a hash.
    leg.hash = hashOf(leg);
    leg[side] = identifier;
    leg.reference = `${txn.reference}-${i + 1}`;
    shares[i].transaction_id = leg.transaction_id;
    return leg;
  });
}

/** Any order, each as likely as the others. */
export function shuffle(identifiers) {
  return identifiers
    .map((identifier) => ({ identifier, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ identifier }) => identifier);
}
