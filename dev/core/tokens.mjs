// Tokenization: a field of an identity replaced by a token that has its format, `FPT:<look-alike>:<sealed value>`.

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { CoreError, LedgerError } from "./errors.mjs";
import { sorted } from "./bind.mjs";
import { bindBody } from "./requests.mjs";

const FIELDS = {
  FirstName: "first_name",
  LastName: "last_name",
  OtherNames: "other_names",
  EmailAddress: "email_address",
  PhoneNumber: "phone_number",
  Street: "street",
  PostCode: "post_code",
};
const REQUEST = { name: "TokenizeRequest", fields: { fields: "strings" } };
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
// The values live as long as the process, so the key does too.
const KEY = randomBytes(32);

/** `POST /identities/:id/tokenize/:field` */
export function tokenizeField({ store }, { params }) {
  tokenize(store, params.id, params.field);
  return { status: 200, body: { message: "Field tokenized successfully" } };
}

/** `POST /identities/:id/tokenize` */
export function tokenizeFields({ store }, { params, body }) {
  const { fields } = bindBody(body, REQUEST);
  if (fields === null) {
    const fault = "Key: 'TokenizeRequest.Fields' Error:Field validation for 'Fields' failed on the 'required' tag";
    throw new CoreError("GEN_MALFORMED_REQUEST", fault);
  }
  if (fields.length === 0) throw new CoreError("GEN_VALIDATION_ERROR", "at least one field must be specified");
  for (const field of fields) tokenize(store, params.id, field);
  return { status: 200, body: { message: "Fields tokenized successfully" } };
}

/** `GET /identities/:id/tokenized-fields` */
export function tokenizedFields({ store }, { params }) {
  return { status: 200, body: { tokenized_fields: tokenizedNames(store.identity(params.id)) } };
}

/** `GET /identities/:id/detokenize/:field` */
export function detokenizeField({ store }, { params }) {
  return { status: 200, body: { field: params.field, value: detokenize(store, params.id, params.field) } };
}

/** `POST /identities/:id/detokenize`; no fields means all of them. */
export function detokenizeFields({ store }, { params, body }) {
  const { fields } = bindBody(body, REQUEST);
  const names = fields?.length > 0 ? fields : tokenizedNames(store.identity(params.id));
  return { status: 200, body: { fields: sorted(names.map((name) => [name, detokenize(store, params.id, name)])) } };
}

const structName = (field) => field.charAt(0).toUpperCase() + field.slice(1);

function tokenizedNames(identity) {
  const marks = identity.meta?.get("tokenized_fields");
  return marks instanceof Map ? [...marks].filter(([, on]) => on === true).map(([name]) => name) : [];
}

function tokenize(store, id, field) {
  const name = structName(field);
  if (!Object.hasOwn(FIELDS, name)) throw new LedgerError(`field ${field} is not tokenizable`);
  const identity = store.identity(id);
  const names = tokenizedNames(identity);
  if (names.includes(name)) throw new LedgerError(`field ${field} is already tokenized`);
  identity[FIELDS[name]] = `FPT:${lookAlike(identity[FIELDS[name]])}:${seal(identity[FIELDS[name]])}`;
  const marks = sorted([...names, name].map((each) => [each, true]));
  identity.meta = sorted([...(identity.meta ?? []), ["tokenized_fields", marks]]);
}

function detokenize(store, id, field) {
  const identity = store.identity(id);
  const name = structName(field);
  if (!tokenizedNames(identity).includes(name)) throw new LedgerError(`field ${field} is not tokenized`);
  return open(identity[FIELDS[name]].split(":").slice(2).join(":"));
}

function lookAlike(value) {
  const seed = createHmac("sha256", KEY).update(value).digest();
  const pick = (from, size, i) => String.fromCharCode(from.charCodeAt(0) + (seed[i % seed.length] % size));
  return [...value]
    .map((c, i) =>
      /[A-Z]/.test(c) ? pick("A", 26, i) : /[a-z]/.test(c) ? pick("a", 26, i) : /[0-9]/.test(c) ? pick("0", 10, i) : c,
    )
    .join("");
}

function seal(value) {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", KEY, nonce);
  return Buffer.concat([nonce, cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64");
}

function open(token) {
  const bytes = Buffer.from(token, "base64");
  const decipher = createDecipheriv("aes-256-gcm", KEY, bytes.subarray(0, NONCE_BYTES));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
}
