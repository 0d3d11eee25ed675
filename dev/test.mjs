// `npm test`: everything that must hold for a change to be taken, from the set-up to the tests on workerd. The first
// step that fails ends it.
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { build, wasmSize } from "./build.mjs";
import { node, npmProgram } from "./project.mjs";
import { Failure, main, run, say } from "./run.mjs";
import { setUp } from "./setup.mjs";

const WASM = ["--target", "wasm32-unknown-unknown"];

const STEPS = [
  ["set-up", setUp],
  ["format", cargo("fmt", "--check")],
  ["format and lint, JavaScript", checkJavaScript],
  ["lint, native", cargo("clippy", "--locked", "--all-targets", "--", "-D", "warnings")],
  ["lint, wasm32", cargo("clippy", "--locked", "--lib", ...WASM, "--", "-D", "warnings")],
  ["native tests", cargo("test", "--locked")],
  // For wasm32, as only there the platform's part exists.
  ["documentation", cargo("doc", "--locked", "--no-deps", "--document-private-items", ...WASM)],
  ["release build", build],
  ["size of the wasm", checkSize],
  ["tests of the commands, the documents, the structure and the stand-in Core", nodeTests("tests/dev")],
  ["tests of the benchmark", nodeTests("bench")],
  ["tests on workerd", nodeTests("tests/workerd")],
];

/** What a cold start can bear. A change that needs more should find room for it, or say why and move the limit. */
const GZIPPED_LIMIT = 330_000;

function checkSize() {
  const { gzipped } = wasmSize();
  say(`The wasm has ${gzipped} bytes gzipped; the limit is ${GZIPPED_LIMIT}.`);
  if (gzipped > GZIPPED_LIMIT)
    throw new Failure("The wasm outgrew its limit: see what fills it, or move the limit with a reason.");
}

function checkJavaScript() {
  return run(npmProgram("biome"), ["check", "--error-on-warnings"], {
    failure: "Biome found something: see its message above; `npm run format` corrects what is format alone.",
  });
}

function cargo(...args) {
  const env = { RUSTDOCFLAGS: "-D warnings" };
  return () => run("cargo", args, { env, failure: `cargo ${args[0]} found something: see its message above.` });
}

function nodeTests(folder) {
  return () => {
    const files = readdirSync(folder)
      .filter((name) => name.endsWith(".test.mjs"))
      .sort();
    if (files.length === 0) throw new Failure(`${folder} holds no *.test.mjs, so nothing was tested there.`);
    // A file is a workerd and its Cores: more at once than there are processors makes deadlines lie.
    const limits = [`--test-concurrency=${Math.min(availableParallelism(), 4)}`, "--test-timeout=300000"];
    return run(node(), ["--test", ...limits, ...files.map((name) => `${folder}/${name}`)], {
      failure: `A test in ${folder} failed: see its message above.`,
    });
  };
}

await main(import.meta.url, async () => {
  const started = Date.now();
  const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;
  for (const [index, [name, step]] of STEPS.entries()) {
    const stepStarted = Date.now();
    say(`\n[${index + 1}/${STEPS.length}] ${name} …`);
    try {
      await step();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(`npm test ended at "${name}". ${error.message}`);
    }
    say(`[${index + 1}/${STEPS.length}] ${name}: passed in ${seconds(stepStarted)}`);
  }
  say(`\nnpm test: everything passed in ${seconds(started)}.`);
});
