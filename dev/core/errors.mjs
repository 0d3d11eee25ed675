// Core's errors: a stable code, the status it stands for, and the body that carries it. Rules of the ledger fail with
// a plain message (`LedgerError`); the message then decides the code, as it does in Core.

const STATUS = {
  AUTH_MISSING_API_KEY: 401,
  AUTH_INVALID_API_KEY: 401,
  AUTH_MASTER_KEY_REQUIRED: 403,
  GEN_NOT_FOUND: 404,
  TXN_NOT_FOUND: 404,
  BAL_NOT_FOUND: 404,
  BAL_HISTORY_NOT_FOUND: 404,
  BAL_MONITOR_NOT_FOUND: 404,
  LGR_NOT_FOUND: 404,
  IDT_NOT_FOUND: 404,
  RECON_NOT_FOUND: 404,
  RECON_RULE_NOT_FOUND: 404,
  META_ENTITY_NOT_FOUND: 404,
  GEN_CONFLICT: 409,
  TXN_DUPLICATE_REFERENCE: 409,
  TXN_ALREADY_COMMITTED: 409,
  TXN_ALREADY_VOIDED: 409,
  IDT_FIELD_ALREADY_TOKENIZED: 409,
  GEN_PAYLOAD_TOO_LARGE: 413,
  GEN_RESOURCE_LOCKED: 423,
  GEN_INTERNAL: 500,
  RECON_UPLOAD_PROCESSING_FAILED: 500,
  RECON_START_FAILED: 500,
};

// Tried in order: the first row of which every part is in the message gives the code.
const BY_MESSAGE = [
  [["transaction", "not found"], "TXN_NOT_FOUND"],
  [["not in inflight status"], "TXN_NOT_INFLIGHT"],
  [["Transaction already committed"], "TXN_ALREADY_COMMITTED"],
  [["has already been voided"], "TXN_ALREADY_VOIDED"],
  [["has already been refunded"], "GEN_CONFLICT"],
  [["has already been used"], "TXN_DUPLICATE_REFERENCE"],
  [["cannot commit more than"], "TXN_COMMIT_AMOUNT_EXCEEDED"],
  [["insufficient funds"], "TXN_INSUFFICIENT_FUNDS"],
  [["transaction amount must be positive"], "TXN_INVALID_AMOUNT"],
  [["transaction validation failed"], "TXN_VALIDATION_ERROR"],
  [["no balance data found for time"], "BAL_HISTORY_NOT_FOUND"],
  [["is not tokenizable"], "IDT_FIELD_NOT_TOKENIZABLE"],
  [["is already tokenized"], "IDT_FIELD_ALREADY_TOKENIZED"],
  [["is not tokenized"], "IDT_FIELD_NOT_TOKENIZED"],
  [["rule name is required"], "RECON_RULE_INVALID"],
  [["matching criteria is required"], "RECON_RULE_INVALID"],
  [["field and operator are required"], "RECON_RULE_INVALID"],
  [["invalid operator"], "RECON_RULE_INVALID"],
  [["invalid field"], "RECON_RULE_INVALID"],
  [["drift for"], "RECON_RULE_INVALID"],
  [["entity not found"], "META_ENTITY_NOT_FOUND"],
  [["invalid entity ID"], "META_INVALID_ENTITY_ID"],
  [["does not have fund lineage tracking enabled"], "GEN_BAD_REQUEST"],
  [["failed to acquire lock"], "GEN_RESOURCE_LOCKED"],
  [["not found"], "GEN_NOT_FOUND"],
];

/** An error whose code is known where it is thrown. */
export class CoreError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ details?: unknown, key?: "error" | "errors", value?: unknown, plainText?: boolean, batchId?: string,
   *   while?: string }} [options] `key` names the member that repeats the message (or holds `value`); `plainText` sends
   *   the body as text/plain, as Core does for a body that it could not bind on some routes; `while` says what was
   *   being done, which shows only where the error is wrapped in another
   */
  constructor(code, message, options = {}) {
    super(message);
    this.code = code;
    this.options = options;
  }
}

/** A rule of the ledger was broken; the message says which. */
export class LedgerError extends Error {}

/** A record that is not there: Core's database layer says so with empty details. */
export const notFound = (message) => new CoreError("GEN_NOT_FOUND", message, { details: {} });

/** Whether an error is an answer of Core; any other is a fault of the stand-in. */
export const isRefusal = (error) => error instanceof LedgerError || error instanceof CoreError;

/** The message as Core's own errors print when they are wrapped in another. */
export function describe(error) {
  if (!(error instanceof CoreError)) return error.message;
  return `${error.options.while ? `${error.options.while}: ` : ""}${error.code.replace(/^GEN_/, "")}: ${error.message}`;
}

/** An error as text in another one, as Core wraps it; a fault of the stand-in stays what it is. */
export const wrapped = (what, error) => (isRefusal(error) ? new LedgerError(`${what}: ${describe(error)}`) : error);

export const statusOf = (code) => STATUS[code] ?? 400;

/** @returns {string | undefined} the code that a message stands for */
export function classify(message) {
  return BY_MESSAGE.find(([parts]) => parts.every((part) => message.includes(part)))?.[1];
}

/**
 * The answer to a failed request.
 * @param {Error} error
 * @param {{ upgrade?: object, fallback?: string, masked?: string }} rules what the route makes of codes: `upgrade`
 *   renames one, `fallback` is for a message without a code, `masked` replaces such a message
 */
export function errorAnswer(error, { upgrade = {}, fallback, masked } = {}) {
  const known = toCoreError(error, fallback, masked);
  const code = upgrade[known.code] ?? known.code;
  const { details, key = "error", value = known.message, plainText, batchId } = known.options;
  const detail = { code, message: known.message, details };
  const body =
    key === "error"
      ? { batch_id: batchId, error: value, error_detail: detail }
      : { error_detail: detail, errors: value };
  return { status: statusOf(code), body, type: plainText ? "text/plain; charset=utf-8" : undefined };
}

function toCoreError(error, fallback, masked) {
  if (error instanceof CoreError) return error;
  if (!(error instanceof LedgerError)) throw error;
  const code = classify(error.message);
  if (code) return new CoreError(code, error.message);
  return fallback
    ? new CoreError(fallback, masked ?? error.message)
    : new CoreError("GEN_INTERNAL", "internal server error");
}
