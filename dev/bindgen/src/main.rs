//! Makes the JavaScript between the Worker's wasm and the platform: `bindgen {wasm} {folder} {name}`.
//!
//! It is wasm-bindgen as a library. Its command line tool would bring a test runner with an HTTP server and a client,
//! and take minutes to compile on a fresh machine.

use std::env;

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [wasm, folder, name] = arguments.as_slice() else { bail!("usage: bindgen {{wasm}} {{folder}} {{name}}") };
    Bindgen::new()
        .input_path(wasm)
        .out_name(name)
        .module(true)?
        .typescript(false)
        // After a trap a fresh instance takes the old one's place, which `Edge::start` asks for.
        .reset_state_function(true)
        .force_enable_abort_handler(true)
        .generate(folder)
}
