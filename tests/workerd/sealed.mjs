/**
 * Opens what the worker sealed, with Node's WebCrypto: AES-256-GCM, and the record as associated data.
 */
import { webcrypto } from "node:crypto";

/** The length of the nonce, which stands in front of the ciphertext. */
export const NONCE_LENGTH = 12;

/** The 32 bytes that the fixtures and the tests' workers seal with. */
export const TEST_KEY = Buffer.alloc(32, 7);

/**
 * @param {string} text `v1.{id of the key}.{base64url of nonce and ciphertext}`
 * @param {{instance: string, workspace: string, field: string, origin: string}} binding what it was sealed for
 * @param {Uint8Array} [bytes] the sealing key
 * @returns {Promise<string>}
 * @throws where it is damaged, or was sealed for another record or under another key
 */
export async function open(text, binding, bytes = TEST_KEY) {
  const sealed = sealedBytes(text);
  const key = await webcrypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["decrypt"]);
  const parameters = { name: "AES-GCM", iv: sealed.subarray(0, NONCE_LENGTH), additionalData: associatedData(binding) };
  return Buffer.from(await webcrypto.subtle.decrypt(parameters, key, sealed.subarray(NONCE_LENGTH))).toString();
}

/** Nonce and ciphertext. */
export function sealedBytes(text) {
  return Buffer.from(text.split(".")[2], "base64url");
}

/** Every part with its length in front, four bytes, the most significant first. */
function associatedData({ instance, workspace, field, origin }) {
  const parts = ["v1", instance, workspace, field, origin].map((part) => Buffer.from(part));
  return Buffer.concat(parts.flatMap((part) => [Buffer.from(Uint32Array.of(part.length).buffer).swap32(), part]));
}
