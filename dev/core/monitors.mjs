// Balance monitors: kept and shown. The stand-in calls nobody back.

import { formatStored, formatTime, now } from "./clock.mjs";
import { CoreError, notFound } from "./errors.mjs";
import { bindBody, faultsText } from "./requests.mjs";
import { newId } from "./store.mjs";

const FIELDS = [
  "debit_balance",
  "credit_balance",
  "balance",
  "inflight_debit_balance",
  "inflight_credit_balance",
  "inflight_balance",
];
const CONDITION = {
  name: "MonitorCondition",
  fields: { field: "string", operator: "string", value: "float", precision: "float" },
};
const MONITOR = {
  name: "CreateBalanceMonitor",
  fields: { balance_id: "string", condition: { one: CONDITION }, call_back_url: "string", meta_data: "map" },
};

/** `POST /balance-monitors` */
export function createMonitor({ store }, { body }) {
  const bound = bindBody(body, MONITOR);
  const faults = faultsText({
    balance_id: bound.balance_id === "" ? "cannot be blank" : undefined,
    condition: conditionFault(bound.condition),
  });
  if (faults) throw new CoreError("GEN_VALIDATION_ERROR", faults, { key: "errors" });
  const monitor = {
    monitor_id: newId("mon"),
    balance_id: bound.balance_id,
    created_at: now(),
    condition: bound.condition,
  };
  store.monitors.set(monitor.monitor_id, monitor);
  return { status: 201, body: view(monitor, formatTime) };
}

function conditionFault(condition) {
  const { field, operator, precision, value } = condition;
  const blank = "cannot be blank";
  if (field === "" && operator === "" && precision === 0 && value === 0) return blank;
  const faults = faultsText({
    field: field === "" ? blank : FIELDS.includes(field) ? undefined : "must be a valid value",
    operator: operator === "" ? blank : undefined,
    precision: precision === 0 ? blank : precision < 0 ? "precision cannot be negative" : undefined,
    value: value === 0 ? blank : undefined,
  });
  return faults && `(${faults})`;
}

/** `GET /balance-monitors/:id` */
export const monitorById = ({ store }, { params }) => ({ status: 200, body: view(find(store, params.id)) });

/** `GET /balance-monitors`; like Core's, an empty list is null. */
export const allMonitors = ({ store }) => ({
  status: 200,
  body: nullWhenEmpty([...store.monitors.values()].map((each) => view(each))),
});

/** `GET /balance-monitors/balances/:balance_id` */
export function monitorsOfBalance({ store }, { params }) {
  const found = [...store.monitors.values()].filter((monitor) => monitor.balance_id === params.balance_id);
  return { status: 200, body: nullWhenEmpty(found.map((each) => view(each))) };
}

/** `PUT /balance-monitors/:id` */
export function updateMonitor({ store }, { params, body }) {
  const bound = bindBody(body, MONITOR);
  const monitor = find(store, params.id);
  Object.assign(monitor, { balance_id: bound.balance_id || monitor.balance_id, condition: bound.condition });
  return { status: 200, body: { message: "BalanceMonitor updated successfully" } };
}

/** `DELETE /balance-monitors/:id` */
export function deleteMonitor({ store }, { params }) {
  find(store, params.id);
  store.monitors.delete(params.id);
  return { status: 200, body: { message: "BalanceMonitor deleted successfully" } };
}

function find(store, id) {
  const monitor = store.monitors.get(id);
  if (!monitor) throw notFound(`Monitor with ID '${id}' not found`);
  return monitor;
}

/** Core gives null for a list that its database left empty. */
export const nullWhenEmpty = (list) => (list.length > 0 ? list : null);

function view({ monitor_id, balance_id, created_at, condition }, time = formatStored) {
  const { value, precision, field, operator } = condition;
  const preciseValue = BigInt(Math.trunc(value * precision));
  return {
    monitor_id,
    balance_id,
    created_at: time(created_at),
    condition: { value, precision, precise_value: preciseValue, field, operator },
  };
}
