// Fund lineage: which provider the money of a balance came from. A credit that names its provider is mirrored between
// two shadow balances, and a debit releases it again in the order of the balance's strategy.

import { CoreError, LedgerError } from "./errors.mjs";
import { applyPrecision, hashOf, record, resolveBalance, storedView } from "./postings.mjs";
import { newId } from "./store.mjs";
import { now } from "./clock.mjs";

const PROVIDER = "BLNK_LINEAGE_PROVIDER";
const ALLOCATION = "BLNK_FUND_ALLOCATION";

/** Follows a booked transaction, a moment later. Holds are followed when they are committed. */
export function trackLineage(core, row) {
  if (row.status !== "APPLIED") return;
  const provider = row.meta.get(PROVIDER);
  const source = core.store.balance(row.source);
  const destination = core.store.balance(row.destination);
  const credits = destination.track_fund_lineage && typeof provider === "string" && provider !== "";
  if (!credits && !source.track_fund_lineage) return;
  core.store.later.after(core.delays.apply, () => {
    if (credits) credit(core.store, row, destination, provider);
    if (source.track_fund_lineage) debit(core.store, row, source);
  });
}

/** `GET /balances/:id/lineage` */
export function balanceLineage({ store }, { params }) {
  const balance = store.balance(params.id);
  if (!balance.track_fund_lineage)
    throw new LedgerError(`balance ${params.id} does not have fund lineage tracking enabled`);
  const mappings = store.lineage.filter((mapping) => mapping.balance === params.id);
  const providers = mappings.map(({ provider, shadow }) => {
    const { debit: amount, credit: spent } = store.balance(shadow);
    return { provider, amount, available: amount - spent, spent, shadow_balance_id: shadow };
  });
  const total = providers.reduce((sum, each) => sum + each.available, 0n);
  const aggregate = mappings[0]?.aggregate ?? "";
  return {
    status: 200,
    body: { balance_id: params.id, total_with_lineage: total, aggregate_balance_id: aggregate, providers },
  };
}

/** `GET /transactions/:id/lineage` */
export function transactionLineage({ store }, { params }) {
  const row = store.transaction(params.id);
  const shadows = [...store.transactions.values()].filter((other) => other.meta.get("_shadow_for") === params.id);
  const body = {
    transaction_id: params.id,
    fund_allocation: row.meta.get(ALLOCATION),
    shadow_transactions: shadows.map(storedView),
  };
  return { status: 200, body };
}

function credit(store, row, destination, provider) {
  const identity = store.identities.get(destination.identity_id);
  if (!identity) return;
  const who = identifierOf(identity);
  const shadow = resolveBalance(store, `@${provider}_${who}_lineage`, row.currency);
  const aggregate = resolveBalance(store, `@${who}_lineage`, row.currency);
  book(
    store,
    row,
    `${row.reference}_shadow_${provider}`,
    `Shadow credit from ${provider}`,
    shadow,
    aggregate,
    row.precise_amount,
    {
      _identity_id: identity.identity_id,
      _lineage_type: "credit",
      _main_balance: destination.balance_id,
      _provider: provider,
    },
  );
  const known = store.lineage.some(
    (mapping) => mapping.balance === destination.balance_id && mapping.provider === provider,
  );
  if (!known) store.lineage.push({ balance: destination.balance_id, provider, shadow, aggregate });
}

function debit(store, row, source) {
  const mappings = store.lineage.filter((mapping) => mapping.balance === source.balance_id);
  const funds = mappings
    .map((mapping) => ({
      ...mapping,
      available: store.balance(mapping.shadow).debit - store.balance(mapping.shadow).credit,
    }))
    .filter((fund) => fund.available > 0n);
  const shares = allocate(funds, row.precise_amount, source.allocation_strategy);
  for (const { provider, shadow, aggregate, units } of shares) {
    book(store, row, `${row.reference}_release_${provider}`, `Release ${provider} funds`, aggregate, shadow, units, {
      _allocation: source.allocation_strategy,
      _lineage_type: "release",
      _main_balance: source.balance_id,
      _provider: provider,
    });
  }
  if (shares.length > 0)
    row.meta.set(
      ALLOCATION,
      shares.map(({ provider, units }) => ({ amount: units, provider })),
    );
}

function allocate(funds, units, strategy) {
  const ordered = strategy === "LIFO" ? [...funds].reverse() : funds;
  const total = ordered.reduce((sum, fund) => sum + fund.available, 0n);
  const wanted = units < total ? units : total;
  let left = wanted;
  return ordered
    .map((fund, i) => {
      const fair = strategy === "PROPORTIONAL" && i < ordered.length - 1 ? (wanted * fund.available) / total : left;
      const share = fair < fund.available ? fair : fund.available;
      left -= share;
      return { ...fund, units: share };
    })
    .filter((share) => share.units > 0n);
}

function book(store, row, reference, description, source, destination, units, meta) {
  const txn = {
    transaction_id: newId("txn"),
    parent_transaction: "",
    source,
    destination,
    sources: [],
    destinations: [],
    reference,
    amount: 0,
    amount_string: "",
    precise_amount: units,
    precision: row.precision,
    overdraft_limit: 0,
    currency: row.currency,
    description,
    status: "QUEUED",
    hash: "",
    allow_overdraft: true,
    inflight: false,
    skip_queue: true,
    atomic: false,
    created_at: now(),
    effective_date: null,
    scheduled_for: null,
    inflight_expiry_date: null,
    inflight_commit_date: null,
    meta: new Map(Object.entries({ ...meta, _shadow_for: row.transaction_id, allow_overdraft: true })),
  };
  applyPrecision(txn);
  txn.hash = hashOf(txn);
  try {
    record(store, txn);
  } catch (error) {
    // The same money was followed before: its reference is taken.
    if (!(error instanceof LedgerError || error instanceof CoreError)) throw error;
  }
}

function identifierOf({ first_name: first, last_name: last, organization_name: organization, identity_id: id }) {
  const name = first || last ? [first, last].filter(Boolean).join("_") : organization;
  return `${name}_${id.slice(0, 8)}`.toLowerCase().replaceAll(" ", "_");
}
