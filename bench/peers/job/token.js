// API keys: `blnk_{id}_{secret}{check}`, whose check digits are a CRC-32 in base62.

const API_KEY = /^blnk_([0-9A-Za-z]{16})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK_LENGTH = 6;

/**
 * The token that a request presents.
 * @returns {{ id: string, secret: string } | null | undefined} undefined where there is none, null where it is none of
 *   ours
 */
export function presented(authorization, blnkKey) {
  let text = blnkKey || undefined;
  if (authorization) {
    const space = authorization.indexOf(" ");
    if (space < 0 || authorization.slice(0, space).toLowerCase() !== "bearer") return null;
    const bearer = authorization.slice(space + 1).trimStart();
    if (text !== undefined && text !== bearer) return null;
    text = bearer;
  }
  if (text === undefined) return undefined;
  const [, id, secret, check] = API_KEY.exec(text) ?? [];
  return id !== undefined && check === checkDigits(text, text.length - CHECK_LENGTH) ? { id, secret } : null;
}

const encoder = new TextEncoder();

/** Whether one of the record's secrets is this one, and none that is over. */
export async function isSecretOf(record, secret, now) {
  const presentedHash = await crypto.subtle.digest("SHA-256", encoder.encode(secret));
  let matches = false;
  for (const { sha256, until } of record?.secrets ?? [NOBODYS]) {
    const same = crypto.subtle.timingSafeEqual(presentedHash, sha256);
    matches ||= same && (until === undefined || now < until);
  }
  return matches && record !== null;
}

// Compared with where there is no record, so that an unknown id takes as long as a wrong secret.
const NOBODYS = { sha256: new Uint8Array(32) };

function checkDigits(text, length) {
  let crc = -1;
  for (let at = 0; at < length; at += 1) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ text.charCodeAt(at)) & 0xff];
  let number = ~crc >>> 0;
  let digits = "";
  for (let at = 0; at < CHECK_LENGTH; at += 1) {
    digits = BASE62[number % 62] + digits;
    number = Math.floor(number / 62);
  }
  return digits;
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
