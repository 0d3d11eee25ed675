//! What is needed of the platform beside the request path and beside the `worker` crate: promises, waiting for a time,
//! the calls of objects, and the functions of `promises.js`.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{RequestInit, Response};
use worker::{Delay, Env};

#[wasm_bindgen]
extern "C" {
    /// A Durable Object, as the Worker calls it.
    type Object;

    // Not `async`: of such an import what is thrown at once is not caught.
    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Object, url: &str, init: &RequestInit) -> Result<Promise, JsValue>;
}

#[wasm_bindgen(module = "/src/edge/promises.js")]
extern "C" {
    /// What the promise gives, or undefined where it does not within the time.
    pub fn within(timeout_ms: u32, promise: &Promise) -> Promise;

    /// Lets a promise go on when the request that began it is answered, or its caller has gone.
    pub fn outlive(promise: &Promise);

    /// The status, or a number of `no_answer.js`, and the Content-Type that a GET is answered with.
    pub fn probe(url: &str, set: &str, timeout_ms: u32) -> Promise;
}

/// What an error says, without the name of its class: all that the log is told of one.
pub fn words(error: worker::Error) -> String {
    match error {
        worker::Error::UnknownJsError { message, .. } => message,
        error => error.to_string(),
    }
}

/// The same of what JavaScript threw. It stands by itself: in each of the futures that wait it would be 250 bytes.
#[inline(never)]
fn js_words(error: JsValue) -> String {
    words(error.into())
}

/// The result of a promise; in words, where it fails.
///
/// # Errors
/// What the error says.
pub async fn settled(promise: Promise) -> Result<JsValue, String> {
    JsFuture::from(promise).await.map_err(js_words)
}

/// What a future gives, where it does within the time.
pub async fn in_time<T>(ms: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut late = pin!(Delay::from(Duration::from_millis(ms.into())));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(given) => Poll::Ready(Some(given)),
        Poll::Pending => late.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Calls an object with a body: status and text of its answer; none where it does not answer within the time.
///
/// The crate finds the object. The request and the answer are the platform's own: the crate's `RequestInit`, which
/// knows all of Cloudflare's options, and its `Response::text`, which reads a stream in parts, are 8 KB gzipped.
///
/// # Errors
/// What the error says.
pub async fn call_object(
    env: &Env,
    namespace: &str,
    name: &str,
    body: &str,
    timeout_ms: u32,
) -> Result<Option<(u16, String)>, String> {
    let called = in_time(timeout_ms, async {
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&body.into());
        let object: Object = env.durable_object(namespace)?.get_by_name(name)?.into_rpc();
        let answer: Response = JsFuture::from(object.fetch("https://object/", &init)?).await?.unchecked_into();
        let text = JsFuture::from(answer.text()?).await?;
        Ok((answer.status(), text.as_string().unwrap_or_default()))
    });
    called.await.transpose().map_err(words)
}

/// The promise of what a future gives. All of them go this way, boxed: `future_to_promise` is a copy of itself, with
/// the future's whole code in it twice, for each kind of future that it is called with.
pub fn into_promise(future: impl Future<Output = Result<JsValue, JsValue>> + 'static) -> Promise {
    let boxed: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> = Box::pin(future);
    future_to_promise(boxed)
}
