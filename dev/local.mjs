// What a local run keeps from one start to the next, and the set-up of its registry over /admin.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "./run.mjs";

const FOLDER = process.env.STATE_DIR || ".wrangler/start";

/** The files of a local run; git ignores all of `.wrangler/`. */
export const FILES = { kept: `${FOLDER}/start.json`, secrets: `${FOLDER}/secrets.env`, state: `${FOLDER}/state` };

/**
 * The secrets of the local worker, made once: what they sealed and signed is good after a restart.
 * @returns {{ admin_token: string, sealing_key: string, signing_key: string,
 *   credential?: { id: string, key: string, instance: string },
 *   client?: { id: string, secret: string, instance: string } }}
 */
export function localSecrets() {
  const made = {
    admin_token: randomBytes(32).toString("hex"),
    sealing_key: randomBytes(32).toString("base64"),
    signing_key: randomBytes(32).toString("base64"),
  };
  const kept = existsSync(FILES.kept) ? { ...made, ...JSON.parse(readFileSync(FILES.kept, "utf8")) } : made;
  keep(kept);
  return kept;
}

function keep(kept) {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FILES.kept, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  const secrets = { ADMIN_TOKEN: kept.admin_token, SEALING_KEY: kept.sealing_key, SIGNING_KEY: kept.signing_key };
  const lines = Object.entries(secrets).map(([name, value]) => `${name}="${value}"\n`);
  writeFileSync(FILES.secrets, lines.join(""), { mode: 0o600 });
}

/**
 * Registers Core as an instance and makes a key and an OAuth client for it, or brings those of an earlier start up to
 * date.
 * @param {string} origin the worker's
 * @param {{ url: string, key: string }} core
 * @returns {Promise<{ instance: string, key: string, client: { id: string, secret: string }, problems: string[] }>}
 *   `problems` is what the worker's own check of that Core found.
 */
export async function register(origin, core) {
  const kept = localSecrets();
  const admin = adminOf(origin, kept.admin_token);
  const instance = await registerCore(admin, core);
  const check = await admin("POST", `/admin/instances/${instance}/check`);
  if (check.body.reachable === false)
    throw new Failure(`No Core answers at ${core.url}: start it, or correct CORE_URL.`);
  const credential = (await reusable(admin, "api-keys", kept.credential, instance)) ?? (await makeKey(admin, instance));
  const client = (await reusable(admin, "oauth-clients", kept.client, instance)) ?? (await makeClient(admin, instance));
  keep({ ...kept, credential, client });
  await readable(origin, credential, core);
  return { instance, key: credential.key, client, problems: check.body.problems ?? [] };
}

async function registerCore(admin, { url, key }) {
  // Blnk's SDKs want ids that begin like this. That of a deleted instance stays taken, so the next one is tried.
  for (const id of ["instance_local", ...Array.from({ length: 99 }, (_, n) => `instance_local-${n + 2}`)]) {
    const found = await admin("GET", `/admin/instances/${id}`, undefined, [200, 404]);
    if (found.status === 404) {
      await admin("POST", "/admin/instances", { id, name: "npm start", base_url: url, core_key: key });
      return id;
    }
    if (found.body.status === "deleted") continue;
    await admin("PATCH", `/admin/instances/${id}`, { base_url: url, core_key: key, status: "active" });
    return id;
  }
  throw new Failure(`A hundred local instances were deleted: start afresh by removing the folder ${FOLDER}.`);
}

async function reusable(admin, kind, credential, instance) {
  if (credential?.instance !== instance) return undefined;
  const { body } = await admin("GET", `/admin/${kind}/${credential.id}`, undefined, [200, 404]);
  return body?.status === "active" ? credential : undefined;
}

const wanted = (instance) => ({ name: "npm start", scopes: ["proxy:read", "proxy:write"], default_instance: instance });

async function makeKey(admin, instance) {
  const { body } = await admin("POST", "/admin/api-keys", wanted(instance));
  return { id: body.id, key: body.key, instance };
}

async function makeClient(admin, instance) {
  const { body } = await admin("POST", "/admin/oauth-clients", wanted(instance));
  return { id: body.client_id, secret: body.client_secret, instance };
}

/** Waits until the edge has the records and Core answers through it. */
async function readable(origin, { key, instance }, core) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const answer = await fetch(`${origin}/proxy/ledgers?instance_id=${instance}`, {
      headers: { authorization: `Bearer ${key}` },
    });
    const text = await answer.text();
    if (answer.ok) return;
    if (Date.now() > deadline) {
      throw new Failure(
        `Core at ${core.url} answers ${answer.status} through the proxy: ${text.slice(0, 300)}\n` +
          "Check that it runs there and that the key is its own.",
      );
    }
    await sleep(500);
  }
}

/** A caller of /admin that fails on any status that is not expected. */
function adminOf(origin, token) {
  return async (method, path, body, expected = [200, 201]) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(origin + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!expected.includes(answer.status)) {
      throw new Failure(
        `The worker refused ${method} ${path} with ${answer.status}: ${text.slice(0, 500)}\n` +
          `To start afresh, remove the folder ${FOLDER}.`,
      );
    }
    return { status: answer.status, body: answer.status === 404 ? undefined : JSON.parse(text) };
  };
}
