/**
 * API keys as anyone can write them: the check digits are no secret.
 */
import { crc32 } from "node:zlib";

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/**
 * A well-formed API key with right check digits.
 * @param {string} id 16 letters and digits
 * @param {string} [secret] 43 letters and digits
 */
export function apiKey(id, secret = "s".repeat(43)) {
  const text = `blnk_${id}_${secret}`;
  let rest = crc32(text);
  let digits = "";
  for (let place = 0; place < 6; place += 1) {
    digits = BASE62[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return text + digits;
}
