// The commands' own rules: what the set-up installs, what is pinned, and how a command fails.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { missingPackages } from "../../dev/packages.mjs";
import { portFrom } from "../../dev/ports.mjs";
import { read, root, toolchain } from "../../dev/project.mjs";
import { Failure } from "../../dev/run.mjs";

const here = { os: [process.platform], cpu: [process.arch] };

test("a package that is not there, or in another version, is missing", () => {
  const locked = {
    "": {},
    "node_modules/a": { version: "1.0.0" },
    "node_modules/b": { version: "2.0.0" },
    "node_modules/c": { version: "3.0.0" },
  };
  const installed = { "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "1.9.9" } };
  assert.deepEqual(missingPackages(locked, installed), ["node_modules/b", "node_modules/c"]);
});

test("a program for this system is missing, one for another system is not", () => {
  const locked = {
    "node_modules/ours": { version: "1.0.0", optional: true, ...here },
    "node_modules/theirs": { version: "1.0.0", optional: true, os: ["another"], cpu: [process.arch] },
    "node_modules/used-by-theirs": { version: "1.0.0", optional: true },
  };
  assert.deepEqual(missingPackages(locked, {}), ["node_modules/ours"]);
});

test("the toolchain is what rust-toolchain.toml names", () => {
  const text =
    '[toolchain]\nchannel = "1.2.3"\nprofile = "minimal"\ncomponents = ["clippy", "rustfmt"]\n' +
    'targets = ["wasm32-unknown-unknown"]\n';
  assert.deepEqual(toolchain(text), {
    channel: "1.2.3",
    components: ["clippy", "rustfmt"],
    targets: ["wasm32-unknown-unknown"],
  });
});

test("wasm-bindgen has one version in the Worker and in the program that reads its output", () => {
  const version = (text, crate) => new RegExp(`^name = "${crate}"\nversion = "([^"]+)"`, "m").exec(text)?.[1];
  const own = version(read("Cargo.lock"), "wasm-bindgen");
  assert.match(own, /^\d+\.\d+\.\d+$/);
  assert.equal(version(read("dev/bindgen/Cargo.lock"), "wasm-bindgen-cli-support"), own);
});

test("on a machine without the toolchain it is installed by name, with its components and targets", (t) => {
  const calls = callsOfSetUp(t, "");
  assert.deepEqual(
    calls.filter((call) => !call.includes("list")),
    [
      "--version",
      "toolchain install 1.95.0 --profile minimal --no-self-update",
      "target add --toolchain 1.95.0 wasm32-unknown-unknown",
      "component add --toolchain 1.95.0 clippy rustfmt",
    ].map((call) => call.replaceAll("1.95.0", toolchain().channel)),
  );
});

test("on a machine with the toolchain nothing is installed", (t) => {
  const installed = [
    `${toolchain().channel}-x86_64-unknown-linux-gnu (active)`,
    "wasm32-unknown-unknown",
    "clippy-x86_64-unknown-linux-gnu",
    "rustfmt-x86_64-unknown-linux-gnu",
  ];
  const calls = callsOfSetUp(t, installed.join("\n"));
  assert.ok(calls.length > 0);
  assert.deepEqual(
    calls.filter((call) => / (install|add) /.test(call)),
    [],
  );
});

/** What the set-up asks of a rustup that answers every list with `installed`. */
function callsOfSetUp(t, installed) {
  const folder = mkdtempSync(join(tmpdir(), "rustup-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "rustup"), `#!/bin/sh\necho "$*" >> '${folder}/calls'\nprintf '%s\\n' '${installed}'\n`);
  chmodSync(join(folder, "rustup"), 0o755);
  const module = JSON.stringify(join(root, "dev/rust.mjs"));
  const script = `import { installToolchain } from ${module}; await installToolchain();`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    env: { PATH: folder },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  return readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
}

test("a missing tool ends a command with one sentence and no stack trace", () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, "dev/setup.mjs")], {
    env: { PATH: "/nonexistent" },
    encoding: "utf8",
  });
  assert.equal(status, 1);
  assert.match(stderr.trim(), /^rustup is missing: [^\n]+$/);
});

test("a port in use is named with the variable that chooses another", async (t) => {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address();
  process.env.TEST_PORT = String(port);
  const sentence = new RegExp(`^Port ${port} is in use: .* TEST_PORT=<port> npm start\\.$`);
  await assert.rejects(portFrom("TEST_PORT"), (error) => error instanceof Failure && sentence.test(error.message));
});

test("what is not a port is refused", async () => {
  for (const text of ["abc", "-1", "65536", "80.5"]) {
    process.env.TEST_PORT = text;
    await assert.rejects(portFrom("TEST_PORT"), Failure, text);
  }
});

test("the commands run before any npm package is installed", () => {
  const files = readdirSync(join(root, "dev"), { recursive: true }).filter((name) => name.endsWith(".mjs"));
  assert.ok(files.includes("start.mjs"));
  for (const file of files) {
    const imported = [...read(`dev/${file}`).matchAll(/^(?:import|export)[^"';]*\bfrom "([^"]+)"/gm)].map(
      ([, name]) => name,
    );
    assert.deepEqual(
      imported.filter((name) => !/^(node:|\.)/.test(name)),
      [],
      file,
    );
  }
});

test("the lock file names no registry", () => {
  assert.ok(!read("package-lock.json").includes('"resolved"'));
});

test("the pinned workerd knows the compatibility date", () => {
  const { workerd } = JSON.parse(read("package.json")).devDependencies;
  const newest = workerd
    .match(/^1\.(\d{4})(\d\d)(\d\d)\./)
    .slice(1)
    .join("-");
  assert.ok(read("wrangler.toml").match(/^compatibility_date = "(.+)"$/m)[1] <= newest);
});

test("a deployment publishes no preview, records no URL and carries no secret", () => {
  const lines = read("wrangler.toml").split("\n");
  assert.ok(lines.includes("preview_urls = false"));
  assert.ok(lines.includes("invocation_logs = false"));
  assert.ok(!lines.some((line) => /^#?\s*(ADMIN_TOKEN|S(EAL|IGN)ING_KEY\w*)\s*=/.test(line)));
});
