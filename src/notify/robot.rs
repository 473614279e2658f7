//! What the group robots of DingTalk, Feishu and WeCom have in common: their markdown knows no way to escape, and some
//! let only messages in that hold a keyword. Must not know which robot it is.

use data_encoding::BASE64;
use ring::hmac::{HMAC_SHA256, Key, sign};

use super::markdown::{Markup, disguised};
use crate::host::secret::Redactor;

/// The robots' markdown.
pub(super) struct Markdown;

impl Markup for Markdown {
    fn plain(&self, text: &str) -> String {
        disguised(text, "<>[]*_~`#|\\")
    }
}

/// `title` after the `keyword` that lets a message in, where it does not hold it.
pub(super) fn with_keyword(title: &str, keyword: Option<&str>) -> String {
    match keyword {
        Some(keyword) if !title.contains(keyword) => format!("{keyword} {title}"),
        _ => title.to_owned(),
    }
}

/// The HMAC-SHA256 of `text` under `key`, in base64. Whoever has it may speak for an hour, so it is a secret, too.
pub(super) fn signature(key: &str, text: &str, redactor: &Redactor) -> String {
    let signature = BASE64.encode(sign(&Key::new(HMAC_SHA256, key.as_bytes()), text.as_bytes()).as_ref());
    // It is long enough to be one.
    drop(redactor.secret(&signature));
    signature
}
