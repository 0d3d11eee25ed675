// What the build makes of what wasm-bindgen generates.
import assert from "node:assert/strict";
import { test } from "node:test";

import { bundled } from "../../dev/build.mjs";
import { Failure } from "../../dev/run.mjs";

const IMPORT = 'import source wasmModule from "./index_bg.wasm";\n';
const REST = '// import source is a proposal\nimport * as import1 from "./snippets/a.js";\n';

test("the wasm is imported as the platform knows it, and nothing else is changed", () => {
  assert.equal(bundled(REST + IMPORT), `${REST}import wasmModule from "./index_bg.wasm";\n`);
});

for (const [times, generated] of [
  [0, REST],
  [2, IMPORT + REST + IMPORT],
]) {
  test(`what imports the wasm ${times} times by the proposal fails the build, which names what it looked for`, () => {
    assert.throws(
      () => bundled(generated),
      (error) => error instanceof Failure && error.message.includes(`/^import source /gm ${times} times`),
    );
  });
}
