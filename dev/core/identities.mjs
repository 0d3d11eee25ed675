// Identities: who owns a balance.

import { formatStored, formatTime, now } from "./clock.mjs";
import { CoreError } from "./errors.mjs";
import { bindBody } from "./requests.mjs";
import { newId } from "./store.mjs";

const TEXTS = [
  "identity_type",
  "organization_name",
  "category",
  "first_name",
  "last_name",
  "other_names",
  "gender",
  "email_address",
  "phone_number",
  "nationality",
  "street",
  "country",
  "state",
  "post_code",
  "city",
];
const IDENTITY = {
  name: "Identity",
  fields: {
    identity_id: "string",
    ...Object.fromEntries(TEXTS.map((name) => [name, "string"])),
    dob: "time",
    created_at: "time",
    meta_data: "map",
  },
};
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What a list of identities can be filtered by. */
export const IDENTITY_LIST = {
  table: "identity",
  fields: new Set(["identity_id", ...TEXTS, "dob", "created_at", "meta_data"]),
  limit: 20,
};

/** `POST /identities`; Core asks for no field. */
export function createIdentity({ store }, { body }) {
  const { identity_id: given, meta_data: meta, ...fields } = bindBody(body, IDENTITY);
  refuseId(store, given);
  const identity = { ...fields, identity_id: given || newId("idt"), created_at: now(), meta };
  store.identities.set(identity.identity_id, identity);
  return { status: 201, body: view(identity, formatTime) };
}

function refuseId(store, id) {
  if (id === "") return;
  if (!id.startsWith("idt_")) throw new CoreError("GEN_BAD_REQUEST", "identity_id must start with the 'idt_' prefix");
  if (!UUID.test(id.slice(4)))
    throw new CoreError("GEN_BAD_REQUEST", "identity_id suffix after 'idt_' must be a valid UUID", { details: {} });
  if (store.identities.has(id)) throw new CoreError("GEN_CONFLICT", `Identity already exists: ${id}`, { details: {} });
}

/** `GET /identities/:id` */
export const identityById = ({ store }, { params }) => ({ status: 200, body: view(store.identity(params.id)) });

/** `PUT /identities/:id`: what is empty stays as it was. */
export function updateIdentity({ store }, { params, body }) {
  const bound = bindBody(body, IDENTITY);
  const changes = [...TEXTS, "dob"].filter((name) => bound[name] !== "" && bound[name] !== null);
  if (changes.length === 0 && bound.meta_data === null)
    throw new CoreError("GEN_BAD_REQUEST", "No fields provided for update");
  const identity = store.identity(params.id);
  for (const name of changes) identity[name] = bound[name];
  if (bound.meta_data !== null) identity.meta = bound.meta_data;
  return { status: 200, body: { message: "Identity updated successfully" } };
}

/** `DELETE /identities/:id` */
export function deleteIdentity({ store }, { params }) {
  store.identity(params.id);
  store.identities.delete(params.id);
  return { status: 200, body: { message: "Identity deleted successfully" } };
}

/** All identities, newest first. */
export const listIdentities = (store) => [...store.identities.values()].reverse().map((identity) => view(identity));

function view(identity, time = formatStored) {
  const texts = Object.fromEntries(TEXTS.map((name) => [name, identity[name]]));
  return {
    identity_id: identity.identity_id,
    ...texts,
    dob: formatTime(identity.dob),
    created_at: time(identity.created_at),
    meta_data: identity.meta,
  };
}
