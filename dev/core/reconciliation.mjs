// Reconciliation: rules, and runs that count which records of a statement the ledger knows.

import { formatStored, formatTime, now } from "./clock.mjs";
import { CoreError, LedgerError, notFound } from "./errors.mjs";
import { bindBody } from "./requests.mjs";
import { newId } from "./store.mjs";
import { external } from "./uploads.mjs";

const CRITERIA = {
  name: "MatchingCriteria",
  fields: { field: "string", operator: "string", value: "string", pattern: "string", allowable_drift: "float" },
};
const RULE = { name: "MatchingRule", fields: { name: "string", description: "string", criteria: { list: CRITERIA } } };
const EXTERNAL = {
  name: "ExternalTransaction",
  fields: {
    id: "string",
    amount: "float",
    reference: "string",
    currency: "string",
    description: "string",
    date: "string",
    source: "string",
  },
};
const COMMON = { strategy: "string", grouping_criteria: "string", dry_run: "bool", matching_rule_ids: "strings" };
const START = { name: "StartReconciliation", fields: { upload_id: "string", ...COMMON } };
const INSTANT = { name: "InstantReconciliation", fields: { external_transactions: { list: EXTERNAL }, ...COMMON } };
const MAX_INSTANT = 10_000;
const OPERATORS = ["equals", "greater_than", "less_than", "contains"];
const FIELDS = ["amount", "date", "description", "reference", "currency"];

/** `POST /reconciliation/matching-rules` */
export function createRule({ store }, { body }) {
  const rule = { rule_id: newId("rule"), created_at: now(), ...boundRule(body) };
  rule.updated_at = now();
  store.rules.set(rule.rule_id, rule);
  return { status: 201, body: ruleView(rule, formatTime) };
}

/** `PUT /reconciliation/matching-rules/:id` */
export function updateRule({ store }, { params, body }) {
  const changes = boundRule(body);
  const rule = findRule(store, params.id);
  Object.assign(rule, changes, { updated_at: now() });
  return { status: 200, body: ruleView(rule, formatStored) };
}

/** `DELETE /reconciliation/matching-rules/:id` */
export function deleteRule({ store }, { params }) {
  findRule(store, params.id);
  store.rules.delete(params.id);
  return { status: 200, body: { message: "Matching rule deleted successfully" } };
}

function boundRule(body) {
  const rule = bindBody(body, RULE);
  if (rule.name === "") throw new LedgerError("rule name is required");
  if (rule.criteria.length === 0) throw new LedgerError("at least one matching criteria is required");
  for (const { field, operator, allowable_drift: drift } of rule.criteria) {
    if (field === "" || operator === "") throw new LedgerError("field and operator are required for each criteria");
    if (!OPERATORS.includes(operator)) throw new LedgerError("invalid operator");
    if (!FIELDS.includes(field)) throw new LedgerError("invalid field");
    if (operator !== "equals") continue;
    if (field === "amount" && (drift < 0 || drift > 1)) {
      throw new LedgerError("drift for amount must be between 0 and 1 (fraction, e.g. 0.01 = 1%)");
    }
    if (field === "date" && drift < 0) throw new LedgerError("drift for date must be non-negative (seconds)");
  }
  return rule;
}

function findRule(store, id) {
  const rule = store.rules.get(id);
  if (!rule) throw notFound(`Matching rule with ID '${id}' not found`);
  return rule;
}

const ruleView = (rule, createdTime) => ({
  rule_id: rule.rule_id,
  created_at: createdTime(rule.created_at),
  updated_at: formatTime(rule.updated_at),
  name: rule.name,
  description: rule.description,
  criteria: rule.criteria,
});

/** `POST /reconciliation/start` */
export function startReconciliation(core, { body }) {
  const bound = bindBody(body, START);
  refuseMissing(bound, { upload_id: "UploadID", strategy: "Strategy", matching_rule_ids: "MatchingRuleIDs" });
  refuseNoRules(bound);
  return start(core, bound.upload_id, core.store.externals.get(bound.upload_id) ?? [], bound.matching_rule_ids);
}

/** `POST /reconciliation/start-instant` */
export function startInstant(core, { body }) {
  const bound = bindBody(body, INSTANT);
  if (bound.external_transactions.length === 0)
    throw new CoreError("RECON_EXTERNAL_TXNS_REQUIRED", "external_transactions is required");
  refuseMissing(bound, { strategy: "Strategy", matching_rule_ids: "MatchingRuleIDs" });
  if (bound.external_transactions.length > MAX_INSTANT) {
    throw new CoreError("GEN_VALIDATION_ERROR", `too many external_transactions; max is ${MAX_INSTANT}`);
  }
  refuseNoRules(bound);
  return start(
    core,
    newId("instant"),
    bound.external_transactions.map((each) => external(each)),
    bound.matching_rule_ids,
  );
}

function refuseNoRules(bound) {
  if (bound.matching_rule_ids.length === 0)
    throw new CoreError("RECON_MATCHING_RULES_REQUIRED", "matching_rule_ids is required");
}

function refuseMissing(bound, names) {
  const missing = Object.entries(names).filter(([name]) => bound[name] === "" || bound[name] === null);
  if (missing.length === 0) return;
  const lines = missing.map(
    ([, name]) => `Key: '${name}' Error:Field validation for '${name}' failed on the 'required' tag`,
  );
  throw new CoreError("GEN_MALFORMED_REQUEST", lines.join("\n"));
}

function start({ store, delays }, uploadId, records, ruleIds) {
  const run = {
    reconciliation_id: newId("recon"),
    upload_id: uploadId,
    status: "started",
    matched: 0,
    unmatched: 0,
    started_at: now(),
    completed_at: null,
  };
  store.reconciliations.set(run.reconciliation_id, run);
  store.later.after(delays.insert, () => reconcile(store, run, records, ruleIds));
  return { status: 200, body: { reconciliation_id: run.reconciliation_id } };
}

function reconcile(store, run, records, ruleIds) {
  const rules = ruleIds.map((id) => store.rules.get(id));
  run.completed_at = now();
  run.status = rules.every(Boolean) ? "completed" : "failed";
  if (run.status === "failed") return;
  const rows = [...store.transactions.values()];
  run.matched = records.filter((record) =>
    rows.some((row) => rules.some((rule) => rule.criteria.every((each) => meets(record, row, each)))),
  ).length;
  run.unmatched = records.length - run.matched;
}

function meets(record, row, { field, operator, allowable_drift: drift }) {
  const pairs = { amount: [record.amount, row.amount], date: [Number(record.date), Number(row.created_at)] };
  const [theirs, ours] = pairs[field] ?? [record[field].toLowerCase(), row[field].toLowerCase()];
  if (operator === "greater_than") return theirs > ours;
  if (operator === "less_than") return theirs < ours;
  if (operator === "contains") return String(ours).includes(String(theirs)) || String(theirs).includes(String(ours));
  if (field === "amount") return Math.abs(theirs - ours) <= Math.abs(ours) * drift;
  return field === "date" ? Math.abs(theirs - ours) <= drift * 1e9 : theirs === ours;
}

/** `GET /reconciliation/:id`; Core does not store whether a run was a dry one. */
export function reconciliationById({ store }, { params }) {
  const run = store.reconciliations.get(params.id);
  if (!run) throw new CoreError("RECON_NOT_FOUND", "Reconciliation not found");
  const { reconciliation_id, upload_id, status, matched, unmatched, started_at, completed_at } = run;
  return {
    status: 200,
    body: {
      reconciliation_id,
      upload_id,
      status,
      matched_transactions: matched,
      unmatched_transactions: unmatched,
      is_dry_run: false,
      started_at: formatStored(started_at),
      completed_at: completed_at === null ? null : formatStored(completed_at),
    },
  };
}
