// The benchmark's own arithmetic.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { crc32 } from "./crc32.mjs";
import { cpuBetween, cpuOf } from "./cpu.mjs";
import { Output } from "./output.mjs";
import { ratio, spread } from "./stats.mjs";

test("a spread is the median between the quartiles", () => {
  assert.deepEqual(spread([5, 1, 3, 2, 4]), { median: 3, low: 2, high: 4 });
  assert.deepEqual(spread([2, 1]), { median: 1.5, low: 1.25, high: 1.75 });
});

test("a ratio is taken round by round, so that a slow round counts for both", () => {
  assert.equal(ratio([2, 20, 200], [1, 10, 100]).median, 2);
  assert.equal(ratio([2, 20, 200], [1, 10, 100]).high, 2);
});

test("the CRC-32 is the published one", () => {
  assert.equal(crc32(Buffer.from("123456789")), 0xcbf43926);
});

test("the CPU time of a process grows while it computes", { skip: process.platform !== "linux" }, () => {
  const before = cpuOf(process.pid);
  for (const end = performance.now() + 60; performance.now() < end; );
  const { total } = cpuBetween(before, cpuOf(process.pid));
  assert.ok(total > 1_000 && total < 10_000_000, `${total} microseconds`);
});

test("output that nobody keeps is dropped, and lines cut in two are put together", () => {
  const output = new Output();
  const stream = new EventEmitter();
  output.collect(stream);
  for (const bytes of ['{"a":', "1}\nnot json\n"]) stream.emit("data", bytes);
  assert.deepEqual(output.json(), [{ a: 1 }]);
  output.keep(false);
  stream.emit("data", '{"b":2}\n');
  assert.deepEqual(output.lines, []);
});
