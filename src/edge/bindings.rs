//! What the request path needs of the platform: functions of `forward.js`, `body.js` and `in_flight.js`, KV and the
//! log.
//!
//! They stand in JavaScript because crossings are what the request path costs most: one call here replaces nine header
//! look-ups, sixteen deletions, or a request built field by field and its whole answer.

use js_sys::{Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Request, Response};

#[wasm_bindgen(module = "/src/edge/proxy/forward.js")]
extern "C" {
    /// Hands over the two header lists; how long a body waits for its turn, and how often it asks.
    pub fn configure(forwarded: &str, never_returned: &str, turn_ms: u32, ask_ms: u32);

    /// What is decided on, a line each.
    pub fn head(request: &Request) -> String;

    /// An answer of our own.
    pub fn respond(status: u16, body: &str, request_id: &str, extra: &str) -> Response;

    /// Takes over `Edge::settle` and `Edge::generation`.
    pub fn connect(edge: &Object);

    /// Sends a request, the text being [`crate::proxy::UpstreamRequest::to_text`]'s, and gives the promise of what to
    /// answer.
    pub fn forward(request: &Request, sending: &str) -> JsValue;

    /// The headers of a request to Core, name and value in turn.
    #[wasm_bindgen(js_name = upstreamPairs)]
    pub fn upstream_headers(request: &Request, set: &str) -> Vec<String>;

    /// Core's answer with the header rules applied.
    #[wasm_bindgen(catch, js_name = passOn)]
    pub fn pass_on(answer: &Response, request_id: &str, reference: Option<&str>) -> Result<Response, JsValue>;
}

#[wasm_bindgen(module = "/src/edge/body.js")]
extern "C" {
    /// An answer, once the rest of the request's body was read.
    pub fn drained(request: &Request, response: Response) -> Promise;

    /// The body as one `Uint8Array`; null where it is larger than `limit`. `limit` bytes must be held before. It fails
    /// where no byte comes for `idle_ms`.
    #[wasm_bindgen(js_name = readSmall)]
    pub fn read_small(request: &Request, declared: Option<u32>, limit: u32, idle_ms: u32) -> Promise;
}

#[wasm_bindgen(module = "/src/edge/in_flight.js")]
extern "C" {
    /// Hands over how many requests of a credential may be under way; 0 for any number.
    #[wasm_bindgen(js_name = limitFlights)]
    pub fn limit_flights(most: u32);
}

#[wasm_bindgen]
extern "C" {
    /// A KV namespace. The `worker` crate's passes options through `serde_wasm_bindgen`, which is 6 KB gzipped for two
    /// calls that have none.
    #[derive(Clone)]
    pub type KvNamespace;

    /// The text of a record; null where there is none.
    #[wasm_bindgen(method, catch)]
    pub fn get(this: &KvNamespace, key: &str) -> Result<Promise, JsValue>;

    /// Puts the text of a record.
    #[wasm_bindgen(method, catch)]
    pub fn put(this: &KvNamespace, key: &str, text: &str) -> Result<Promise, JsValue>;

    /// Writes one line to the Worker's log.
    #[wasm_bindgen(js_namespace = console, js_name = log)]
    pub fn log_line(line: &str);
}

/// Copies bytes into JavaScript's memory, where a request can hold them after ours is used again.
pub fn bytes_out(bytes: &[u8]) -> Uint8Array {
    Uint8Array::from(bytes)
}
