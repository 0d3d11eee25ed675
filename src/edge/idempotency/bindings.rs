//! The functions of `exchange.js`.

use js_sys::{Object, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ReadableStream, Response};

#[wasm_bindgen(module = "/src/edge/idempotency/exchange.js")]
extern "C" {
    /// The result of a request to Core.
    pub type Exchanged;

    /// Sends a request to Core and reads its answer.
    #[wasm_bindgen(catch)]
    pub async fn exchange(
        url: &str,
        method: &str,
        headers: Vec<String>,
        body: Option<Uint8Array>,
        timeout_ms: u32,
        keep: u32,
    ) -> Result<Exchanged, JsValue>;

    /// The status of the answer, or a number of `no_answer.js`.
    #[wasm_bindgen(method, getter)]
    pub fn status(this: &Exchanged) -> u16;

    /// Its Content-Type.
    #[wasm_bindgen(method, getter, js_name = type)]
    pub fn content_type(this: &Exchanged) -> String;

    /// Its headers, name and value in turn.
    #[wasm_bindgen(method, getter)]
    pub fn headers(this: &Exchanged) -> Vec<String>;

    /// Its body, where it is not too large to be kept.
    #[wasm_bindgen(method, getter)]
    pub fn bytes(this: &Exchanged) -> Option<Uint8Array>;

    /// Its body as a stream, where it is.
    #[wasm_bindgen(method, getter)]
    pub fn rest(this: &Exchanged) -> Option<ReadableStream>;

    /// An answer to the Worker; the body is bytes or a stream.
    #[wasm_bindgen(catch)]
    pub fn reported(status: u16, headers: Vec<String>, body: &Object, report: &str) -> Result<Response, JsValue>;

    /// An error of ours as an answer to the Worker.
    #[wasm_bindgen(js_name = withReport)]
    pub fn with_report(response: &Response, report: &str) -> Response;
}
