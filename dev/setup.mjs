// `npm run setup`: installs what a fresh clone lacks, into the project's folder wherever that is possible. Whatever is
// there in the right version is left alone, so that a second run takes a moment.
import { installPackages } from "./packages.mjs";
import { Failure, main, say } from "./run.mjs";
import { compileBindgen, installToolchain } from "./rust.mjs";

/** Makes sure that everything the build, the tests and a local run need is there. */
export async function setUp() {
  if (Number(process.versions.node.split(".")[0]) < 20) {
    throw new Failure(`Node ${process.versions.node} is too old: install Node 20 or newer.`);
  }
  await installPackages();
  await installToolchain();
  await compileBindgen();
}

await main(import.meta.url, async () => {
  await setUp();
  say("Set-up: everything is there.");
});
