//! Signatures of what is sent, by Standard Webhooks and by `X-Hub-Signature-256`, made and checked. Must sign the exact
//! bytes that are sent, must compare in constant time, and never shows a key.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use ring::hmac::{HMAC_SHA256, Key, sign, verify};

use crate::host::secret::Secret;
use crate::host::vault::{Vault, called};

/// What secrets of Standard Webhooks begin with; base64 follows.
const PREFIX: &str = "whsec_";

/// The headers that [`stamp`] sets.
pub(crate) const HEADERS: [&str; 4] =
    ["webhook-id", "webhook-timestamp", "webhook-signature", "x-hub-signature-256"];

/// Sets the id of what is sent, the time and, with a `signer`, its signatures over `body`. The id stays over retries, the
/// time and so the signature do not.
pub(crate) fn stamp(headers: &mut HeaderMap, signer: Option<&Signer>, id: &str, at: Timestamp, body: &[u8]) {
    let timestamp = at.as_second();
    let [id_header, time_header, standard, hub] = HEADERS;
    let mut set = |name: &'static str, text: &str| {
        // All of these are ASCII that rollgate itself has written.
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set(id_header, id);
    set(time_header, &timestamp.to_string());
    if let Some(signer) = signer {
        set(standard, &signer.standard(id, timestamp, body));
        set(hub, &signer.hub(body));
    }
}

/// What a signature of Standard Webhooks begins with.
const V1: &str = "v1,";

/// What one of `X-Hub-Signature-256` begins with.
const SHA256: &str = "sha256=";

/// Signs by both schemes.
pub(crate) struct Signer {
    standard: Key,
    hub: Key,
}

impl Signer {
    /// [`Signer::new`] with a secret that is kept out of the output in its decoded form, too.
    ///
    /// # Errors
    /// A sentence, without the secret, also when what follows `whsec_` is too short to be kept out.
    pub(crate) fn registered(secret: &Secret, vault: &Vault) -> Result<Self, String> {
        if let Some(encoded) = secret.expose().strip_prefix(PREFIX) {
            // Without its prefix it is a secret still; one too short to be masked is none that anybody gave out.
            vault.secret(encoded)?;
        }
        Self::new(secret)
    }

    /// A signer with `secret`: of one that begins with `whsec_` the decoded bytes for Standard Webhooks and the
    /// literal text for `X-Hub-Signature-256`; of any other its UTF-8 bytes for both.
    ///
    /// # Errors
    /// A sentence, without the secret, when what follows `whsec_` is not base64.
    pub(crate) fn new(secret: &Secret) -> Result<Self, String> {
        let text = secret.expose();
        let hub = Key::new(HMAC_SHA256, text.as_bytes());
        let standard = match text.strip_prefix(PREFIX) {
            None => hub.clone(),
            Some(encoded) => {
                let bytes = BASE64.decode(encoded.as_bytes());
                let bytes = bytes.or_else(|_| BASE64_NOPAD.decode(encoded.as_bytes()));
                let bytes = bytes.ok().filter(|bytes| !bytes.is_empty());
                Key::new(HMAC_SHA256, &bytes.ok_or("expected base64 after `whsec_`, found something else")?)
            }
        };
        Ok(Self { standard, hub })
    }

    /// A signer with the secret that `reference` names.
    ///
    /// # Errors
    /// A sentence that names the reference, when it is not found or cannot sign.
    pub(crate) fn find(vault: &Vault, reference: &str) -> Result<Self, String> {
        let told = |problem| format!("{} cannot be used: {problem}", called(reference));
        Self::registered(&vault.lookup(reference)?, vault).map_err(told)
    }

    /// The value of `webhook-signature`; `timestamp` in unix seconds.
    pub(crate) fn standard(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = signed(id, timestamp, body);
        format!("{V1}{}", BASE64.encode(sign(&self.standard, &signed).as_ref()))
    }

    /// Checks the value of `webhook-signature`, which may hold several: while a secret is changed, those of both.
    ///
    /// # Errors
    /// A sentence about what does not hold.
    pub(crate) fn check_standard(
        &self,
        id: &str,
        timestamp: i64,
        body: &[u8],
        value: &str,
    ) -> Result<(), String> {
        let ours: Vec<&str> = value.split_whitespace().filter_map(|word| word.strip_prefix(V1)).collect();
        if ours.is_empty() {
            return Err("expected signatures like `v1,…` in `webhook-signature`, found none".to_owned());
        }
        let signed = signed(id, timestamp, body);
        let holds = |encoded: &&str| {
            let tag = BASE64.decode(encoded.as_bytes());
            tag.is_ok_and(|tag| verify(&self.standard, &signed, &tag).is_ok())
        };
        if ours.iter().any(holds) {
            return Ok(());
        }
        let which = match ours.len() {
            1 => "the signature in `webhook-signature` does not fit".to_owned(),
            count => format!("none of the {count} signatures in `webhook-signature` fits"),
        };
        Err(format!("{which}: it is of another secret, id, timestamp or body (the exact bytes are signed)"))
    }

    /// The value of `X-Hub-Signature-256`.
    pub(crate) fn hub(&self, body: &[u8]) -> String {
        format!("{SHA256}{}", HEXLOWER.encode(sign(&self.hub, body).as_ref()))
    }

    /// Checks the value of `X-Hub-Signature-256`.
    ///
    /// # Errors
    /// A sentence about what does not hold.
    pub(crate) fn check_hub(&self, body: &[u8], value: &str) -> Result<(), String> {
        let tag =
            value.trim().strip_prefix(SHA256).and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok());
        let Some(tag) = tag else {
            return Err(
                "expected a signature like `sha256=…` in `x-hub-signature-256`, found something else"
                    .to_owned(),
            );
        };
        verify(&self.hub, body, &tag).map_err(|_| {
            "the signature in `x-hub-signature-256` does not fit: it is of another secret or body (the exact bytes are \
             signed)"
                .to_owned()
        })
    }
}

/// What Standard Webhooks signs.
fn signed(id: &str, timestamp: i64, body: &[u8]) -> Vec<u8> {
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    signed
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::secret::Redactor;

    fn signer(secret: &str) -> Signer {
        Signer::new(&Redactor::default().secret(secret).unwrap()).unwrap()
    }

    #[test]
    fn the_vector_of_standard_webhooks() {
        let signature = signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").standard(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_vector_of_the_hub_signature() {
        assert_eq!(
            signer("It's a Secret to Everybody").hub(b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }

    #[test]
    fn a_prefixed_secret_is_decoded_for_one_scheme_and_literal_for_the_other() {
        let prefixed = signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let literal = Key::new(HMAC_SHA256, b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(prefixed.hub(b"x"), format!("sha256={}", HEXLOWER.encode(sign(&literal, b"x").as_ref())));
        let plain = signer("correct horse battery");
        let key = Key::new(HMAC_SHA256, b"correct horse battery");
        assert_eq!(
            plain.standard("rg_x", 5, b"x"),
            format!("v1,{}", BASE64.encode(sign(&key, b"rg_x.5.x").as_ref()))
        );
        let wrong = Redactor::default().secret("whsec_not base64!").unwrap();
        assert!(Signer::new(&wrong).unwrap_err().contains("base64 after `whsec_`"));
        assert_eq!(format!("{plain:?}"), "Signer(***)");
    }

    #[test]
    fn what_was_signed_is_checked_and_every_change_is_told() {
        let (ours, other) =
            (signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), signer("correct horse battery"));
        let (one, two) = (ours.standard("msg_1", 5, b"body"), other.standard("msg_1", 5, b"body"));
        ours.check_standard("msg_1", 5, b"body", &one).unwrap();
        ours.check_standard("msg_1", 5, b"body", &format!("v1a,AAAA {two} {one}")).unwrap();
        for (id, at, body, value, expected) in [
            ("msg_2", 5, "body", &*one, "the signature in `webhook-signature` does not fit"),
            ("msg_1", 6, "body", &one, "the signature"),
            ("msg_1", 5, "body\n", &one, "the signature"),
            ("msg_1", 5, "body", &format!("{two} {two}"), "none of the 2 signatures"),
            ("msg_1", 5, "body", "v1a,AAAA", "expected signatures like `v1,…`"),
            ("msg_1", 5, "body", "v1,%%%", "the signature"),
            ("msg_1", 5, "body", "v1,", "the signature"),
            ("msg_1", 5, "body", "", "expected signatures like `v1,…`"),
        ] {
            let told = ours.check_standard(id, at, body.as_bytes(), value).unwrap_err();
            assert!(told.starts_with(expected), "{value}: {told}");
        }
        let hub = ours.hub(b"body");
        ours.check_hub(b"body", &hub).unwrap();
        ours.check_hub(b"body", &format!("sha256={}", hub[7..].to_uppercase())).unwrap();
        for (body, value, expected) in [
            ("body ", &*hub, "the signature in `x-hub-signature-256` does not fit"),
            ("body", &other.hub(b"body"), "the signature"),
            ("body", "sha1=00", "expected a signature like `sha256=…`"),
            ("body", &hub[..41], "the signature"),
        ] {
            let told = ours.check_hub(body.as_bytes(), value).unwrap_err();
            assert!(told.starts_with(expected), "{value}: {told}");
        }
    }
}
