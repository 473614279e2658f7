//! Signatures of what is sent, by Standard Webhooks and by `X-Hub-Signature-256`. Must sign the exact bytes that
//! are sent, and never shows a key.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use ring::hmac::{HMAC_SHA256, Key, sign};

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
        let mut signed = format!("{id}.{timestamp}.").into_bytes();
        signed.extend_from_slice(body);
        format!("v1,{}", BASE64.encode(sign(&self.standard, &signed).as_ref()))
    }

    /// The value of `X-Hub-Signature-256`.
    pub(crate) fn hub(&self, body: &[u8]) -> String {
        format!("sha256={}", HEXLOWER.encode(sign(&self.hub, body).as_ref()))
    }
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
}
