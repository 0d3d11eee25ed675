// The Rust side of the set-up: the toolchain through rustup, and the one tool of the build that is Rust.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, toolchain } from "./project.mjs";
import { Failure, output, run, say } from "./run.mjs";

/** Installs what is missing of the toolchain that `rust-toolchain.toml` names. */
export async function installToolchain() {
  const { channel, components, targets } = toolchain();
  if (output("rustup", ["--version"]) === undefined) {
    throw new Failure(
      "rustup is missing: install it as https://rustup.rs says, open a new terminal, and run this again.",
    );
  }
  const advice = "see rustup's message above, check the network, and run it again.";
  const failure = `Rust ${channel} could not be installed: ${advice}`;
  if (!lines(output("rustup", ["toolchain", "list"])).some((line) => line.startsWith(`${channel}-`))) {
    say(`Set-up: installing Rust ${channel} …`);
    await run("rustup", ["toolchain", "install", channel, "--profile", "minimal", "--no-self-update"], { failure });
  }
  for (const [kind, wanted] of [
    ["target", targets],
    ["component", components],
  ]) {
    const installed = lines(output("rustup", [kind, "list", "--toolchain", channel, "--installed"]));
    // A component is listed with its host: `clippy-x86_64-unknown-linux-gnu`.
    const missing = wanted.filter((name) => !installed.some((line) => line === name || line.startsWith(`${name}-`)));
    if (missing.length === 0) continue;
    say(`Set-up: adding ${missing.join(", ")} to Rust ${channel} …`);
    await run("rustup", [kind, "add", "--toolchain", channel, ...missing], { failure });
  }
}

const BINDGEN_TARGET = join(root, "target", "bindgen");

/** The program that makes the JavaScript between wasm and platform. */
export const bindgen = join(BINDGEN_TARGET, "release", "bindgen");

/** Compiles it, unless that was done. */
export async function compileBindgen() {
  if (output("cc", ["--version"]) === undefined) {
    throw new Failure(
      "A C compiler is missing, which Rust needs to link: install one " +
        "(Debian: build-essential; macOS: xcode-select --install).",
    );
  }
  if (!existsSync(bindgen)) say("Set-up: compiling wasm-bindgen (a minute, once) …");
  const failure = "wasm-bindgen could not be compiled: see cargo's message above, and run it again.";
  await compileTool("dev/bindgen", BINDGEN_TARGET, failure);
}

/** Compiles a crate of the project's tools, in `folder`, as its lock file says; `target` is where cargo builds it. */
export async function compileTool(folder, target, failure) {
  const manifest = join(root, folder, "Cargo.toml");
  const args = ["build", "--release", "--locked", "--quiet", "--manifest-path", manifest, "--target-dir", target];
  await run("cargo", args, { failure });
}

function lines(text = "") {
  return text.split("\n");
}
