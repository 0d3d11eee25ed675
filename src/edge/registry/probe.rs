//! Probes an instance's Core, for the check of an instance.

use js_sys::{Array, Promise};

use crate::admin::check::{self, CoreCheck, DEADLINE_MS, WITH_KEY, WITHOUT_KEY};
use crate::config::Config;
use crate::edge::promises::{probe, settled};
use crate::proxy::UpstreamResult;
use crate::proxy::headers::BLNK_KEY;
use crate::proxy::settle::is_html;
use crate::registry::{Core, InstanceRecord};

/// What the Core of this instance shows of itself. Its key goes to its own Core only, and no redirect is followed.
pub async fn check_core(record: &InstanceRecord, config: &Config) -> CoreCheck {
    let core = match record.open_core(&config.sealer, config.allow_insecure_core) {
        Ok(core) => core,
        Err(error) => return CoreCheck::unusable(&error),
    };
    // Both probes are under way before the first is waited for; neither promise can fail.
    let (without_key, with_key) = (start(&core, WITHOUT_KEY, false), start(&core, WITH_KEY, true));
    check::judge(seen(without_key).await, seen(with_key).await)
}

fn start(core: &Core, path: &str, with_key: bool) -> Promise {
    let mut lines = Vec::new();
    if with_key {
        lines.extend([BLNK_KEY, core.key.expose()]);
    }
    lines.extend(core.access_headers().flatten());
    probe(&format!("{}{path}", core.base_url), &lines.join("\n"), DEADLINE_MS)
}

async fn seen(probed: Promise) -> UpstreamResult {
    let Ok(answer) = settled(probed).await else { return UpstreamResult::Failed };
    let answer = Array::from(&answer);
    let html = answer.get(1).as_string().is_some_and(|content_type| is_html(&content_type));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status has three digits")]
    let status = answer.get(0).as_f64().unwrap_or_default() as u16;
    UpstreamResult::of(status, || html)
}
