/** The registry's database, worked on from outside. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Executes a statement in the registry's database while no worker runs.
 * @param {import("./harness/workerd.mjs").Worker} worker
 * @param {string} statement
 */
export async function inRegistry(worker, statement) {
  await worker.kill();
  const files = readdirSync(worker.storage, { recursive: true }).filter((name) => /Registry.*\.sqlite$/.test(name));
  const registry = files.filter((name) => !name.includes("metadata"));
  assert.equal(registry.length, 1, `${files}`);
  const database = new DatabaseSync(join(worker.storage, registry[0]));
  database.exec(statement);
  database.close();
  await worker.restart();
}
