// Ledgers: the folders that balances are kept in.

import { formatStored, formatTime, now } from "./clock.mjs";
import { CoreError, notFound } from "./errors.mjs";
import { faultsText, bindBody } from "./requests.mjs";
import { newId } from "./store.mjs";

const LEDGER = { name: "CreateLedger", fields: { name: "string", meta_data: "map" } };

/** What a list of ledgers can be filtered by. */
export const LEDGER_LIST = {
  table: "ledgers",
  fields: new Set(["ledger_id", "name", "created_at", "meta_data"]),
  limit: 10,
  strict: true,
  capital: true,
};

/** `POST /ledgers` */
export function createLedger({ store }, { body }) {
  const { name, meta_data: meta } = bindLedger(body);
  const ledger = { ledger_id: newId("ldg"), name, created_at: now(), meta };
  store.ledgers.set(ledger.ledger_id, ledger);
  return { status: 201, body: view(ledger, formatTime) };
}

/** `GET /ledgers/:id` */
export function ledgerById({ store }, { params }) {
  return { status: 200, body: view(find(store, params.id)) };
}

/** `PUT /ledgers/:id` */
export function updateLedger({ store }, { params, body }) {
  const { name } = bindLedger(body);
  const ledger = find(store, params.id);
  ledger.name = name;
  return { status: 200, body: view(ledger) };
}

/** All ledgers, newest first. */
export const listLedgers = (store) => [...store.ledgers.values()].reverse().map((ledger) => view(ledger));

function bindLedger(body) {
  const bound = bindBody(body, LEDGER, { key: "errors" });
  const faults = faultsText({ name: bound.name === "" ? "cannot be blank" : undefined });
  if (faults) throw new CoreError("GEN_VALIDATION_ERROR", faults, { key: "errors" });
  return bound;
}

function find(store, id) {
  const ledger = store.ledgers.get(id);
  if (!ledger) throw notFound("Ledger not found");
  return ledger;
}

const view = ({ ledger_id, name, created_at, meta }, time = formatStored) => ({
  ledger_id,
  name,
  created_at: time(created_at),
  meta_data: meta,
});
