//! Whether an event comes from who it says it does: a signature over its bytes, or a token that it carries. Must compare in
//! constant time, and never shows what was expected.

use data_encoding::HEXLOWER_PERMISSIVE;
use ring::hmac::{HMAC_SHA256, Key, sign, verify};

use crate::host::secret::Secret;

/// Whether `header`, such as `sha256=…`, is the signature of `body` with `secret`.
///
/// # Errors
/// Why it is none.
pub(crate) fn signature(header: &str, body: &[u8], secret: &Secret) -> Result<(), String> {
    let Some((method, hex)) = header.trim().split_once('=') else {
        return Err("expected a signature like `sha256=…`".to_owned());
    };
    if !method.eq_ignore_ascii_case("sha256") {
        return Err("expected a signature by `sha256`, found another method".to_owned());
    }
    let wrong = || "the signature is not that of this event with the integration's secret".to_owned();
    let tag = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| wrong())?;
    verify(&Key::new(HMAC_SHA256, secret.expose().as_bytes()), body, &tag).map_err(|_| wrong())
}

/// Whether `given` is the token `expected`.
///
/// # Errors
/// That it is not.
pub(crate) fn token(given: &str, expected: &Secret) -> Result<(), String> {
    // Tags of equal length are compared, so that the time says nothing of the token.
    let key = Key::new(HMAC_SHA256, expected.expose().as_bytes());
    let tag = sign(&key, expected.expose().as_bytes());
    verify(&key, given.as_bytes(), tag.as_ref())
        .map_err(|_| "the token is not that of the integration".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::secret::Redactor;

    #[test]
    fn only_the_right_signature_will_do() {
        let secret = Redactor::default().secret("It's a Secret to Everybody").unwrap();
        let right = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
        let body = b"Hello World!";
        assert_eq!(signature(right, body, &secret), Ok(()));
        assert_eq!(signature(&format!(" {} ", right.to_uppercase()), body, &secret), Ok(()));
        for wrong in
            ["", "sha256=", "sha256", "sha1=a4771c39", &right[..60], &right.replace("a4", "a5"), "sha256=zz"]
        {
            assert!(signature(wrong, body, &secret).is_err(), "{wrong}");
        }
        assert!(signature(right, b"Hello World", &secret).is_err());
    }

    #[test]
    fn only_the_right_token_will_do() {
        let expected = Redactor::default().secret("0123456789").unwrap();
        assert_eq!(token("0123456789", &expected), Ok(()));
        for wrong in ["", "012345678", "01234567890", " 0123456789"] {
            assert!(token(wrong, &expected).is_err(), "{wrong}");
        }
    }
}
