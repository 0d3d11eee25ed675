// `POST /:entity-id/metadata`: keys are added to what a record already has.

import { CoreError, LedgerError } from "./errors.mjs";
import { sorted } from "./bind.mjs";
import { bindBody } from "./requests.mjs";

const REQUEST = { name: "MetadataRequest", fields: { meta_data: "map" } };

/** The answer shows the merged keys; for a transaction only the new ones, as Core does. */
export function updateMetadata({ store }, { params, body }) {
  const id = params["entity-id"];
  if (id === "") throw new CoreError("META_INVALID_ENTITY_ID", "entity ID is required");
  const { meta_data: meta } = bindBody(body, REQUEST);
  if (meta === null) {
    const fault = "Key: 'MetadataRequest.Metadata' Error:Field validation for 'Metadata' failed on the 'required' tag";
    throw new CoreError("GEN_MALFORMED_REQUEST", fault);
  }
  return { status: 200, body: { meta_data: merge(store, id, meta) } };
}

function merge(store, id, meta) {
  const table = { ldg: store.ledgers, bln: store.balances, idt: store.identities }[id.slice(0, 3)];
  if (/^(ldg|bln|idt)_/.test(id)) {
    const record = table.get(id);
    if (!record) throw new LedgerError("entity not found");
    record.meta = sorted([...(record.meta ?? []), ...meta]);
    return record.meta;
  }
  if (!/^(txn|bulk)_/.test(id)) throw new LedgerError(`invalid entity ID format: ${id}`);
  const rows = [...store.transactions.values()].filter(
    (row) => row.transaction_id === id || row.parent_transaction === id,
  );
  if (rows.length === 0) throw new LedgerError("entity not found");
  for (const row of rows) row.meta = new Map([...row.meta, ...meta]);
  return meta;
}
