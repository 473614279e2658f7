//! Values that are encrypted at rest, as Fernet tokens (github.com/fernet/spec) that Python's `cryptography` reads and
//! writes too. Must not say what a key, a token or a text is, and must look at nothing before its signature holds.

use std::fmt;

use aes::Aes128;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use cbc::{Decryptor, Encryptor};
use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use ring::hmac::{self, HMAC_SHA256};

/// What an encrypted value begins with; the token follows.
pub const MARK: &str = "fernet:";

/// Version, time, and the first block's vector.
const HEAD: usize = 1 + 8 + BLOCK;
const BLOCK: usize = 16;
const SIGNATURE: usize = 32;
const VERSION: u8 = 0x80;

/// The keys that values are encrypted with: the first encrypts, each decrypts.
pub struct Keys {
    first: Key,
    others: Vec<Key>,
}

struct Key {
    signing: hmac::Key,
    encryption: [u8; BLOCK],
}

impl Keys {
    /// Reads one key or several, separated by commas or whitespace, each base64 of 32 bytes.
    ///
    /// # Errors
    /// A sentence that counts the keys and shows none.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (index, word) in parts(text).enumerate() {
            let key = Key::read(word).ok_or_else(|| {
                let length = word.chars().count();
                let which = if index == 0 { "its key".to_owned() } else { format!("its key {}", index + 1) };
                format!(
                    "expected {which} to be base64 of 32 bytes, as `rollgate secret keygen` prints it, found {length} \
                     characters that are not"
                )
            })?;
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or("expected a key, found none")?;
        Ok(Self { first, others: keys.collect() })
    }

    /// The token of `text`, marked, made at `time` in unix seconds with `vector`, which must be random.
    pub fn encrypt(&self, text: &str, time: u64, vector: [u8; BLOCK]) -> String {
        let Key { signing, encryption } = &self.first;
        let mut token = vec![VERSION];
        token.extend(time.to_be_bytes());
        token.extend(vector);
        let cipher = Encryptor::<Aes128>::new(encryption.into(), &vector.into());
        token.extend(cipher.encrypt_padded_vec::<Pkcs7>(text.as_bytes()));
        let signature = hmac::sign(signing, &token);
        token.extend(signature.as_ref());
        format!("{MARK}{}", BASE64URL.encode(&token))
    }

    /// The text of `token`, which stands after the mark. How old it is does not matter.
    ///
    /// # Errors
    /// A sentence about what is wrong with it, without it.
    pub fn decrypt(&self, token: &str) -> Result<String, String> {
        const NONE: &str = "expected a whole Fernet token after `fernet:`, found something else; encrypt it anew with `rollgate secret encrypt`";
        let bytes = unpadded(token).ok_or(NONE)?;
        let signed =
            bytes.len().checked_sub(SIGNATURE).filter(|length| *length >= HEAD + BLOCK).ok_or(NONE)?;
        let (signed, signature) = bytes.split_at(signed);
        if signed.first() != Some(&VERSION) {
            return Err(NONE.to_owned());
        }
        let mut keys = std::iter::once(&self.first).chain(&self.others);
        let key =
            keys.find(|key| hmac::verify(&key.signing, signed, signature).is_ok()).ok_or_else(|| {
                let count = 1 + self.others.len();
                let none = if count == 1 {
                    "the key does not open it".to_owned()
                } else {
                    format!("none of the {count} keys opens it")
                };
                format!("{none}: it was encrypted with another key, or changed since; encrypt it anew with `rollgate secret encrypt`, or add the key it was made with to `ROLLGATE_KEY`")
            })?;
        let (head, text) = signed.split_at(HEAD);
        let vector = head.last_chunk::<BLOCK>().ok_or(NONE)?;
        let cipher = Decryptor::<Aes128>::new(&key.encryption.into(), vector.into());
        let text = cipher.decrypt_padded_vec::<Pkcs7>(text).map_err(|_| NONE)?;
        String::from_utf8(text)
            .map_err(|_| "expected UTF-8 text to be encrypted in it, found something else".to_owned())
    }
}

impl Key {
    fn read(word: &str) -> Option<Self> {
        // `openssl rand -base64 32` writes the other alphabet, which Python reads too.
        let bytes = unpadded(&word.replace('+', "-").replace('/', "_"))?;
        let bytes: [u8; 2 * BLOCK] = bytes.try_into().ok()?;
        let (signing, encryption) = bytes.split_at(BLOCK);
        Some(Self { signing: hmac::Key::new(HMAC_SHA256, signing), encryption: encryption.try_into().ok()? })
    }
}

/// The keys that are written in `text`.
pub fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}

/// A new key of `bytes`, which must be random.
pub fn key(bytes: [u8; 2 * BLOCK]) -> String {
    BASE64URL.encode(&bytes)
}

/// The token in `text` when it is an encrypted value.
pub fn token(text: &str) -> Option<&str> {
    text.trim().strip_prefix(MARK).map(str::trim)
}

/// The bytes of base64 with or without its padding.
fn unpadded(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok()
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification: key, token, text, time.
    const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    const TOKEN: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    const TIME: u64 = 499_162_800;
    const OTHER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn vector() -> [u8; BLOCK] {
        std::array::from_fn(|i| u8::try_from(i).unwrap())
    }

    #[test]
    fn the_vector_of_the_specification() {
        let keys = Keys::read(KEY).unwrap();
        assert_eq!(keys.encrypt("hello", TIME, vector()), format!("{MARK}{TOKEN}"));
        assert_eq!(keys.decrypt(TOKEN).unwrap(), "hello");
        assert_eq!(keys.decrypt(TOKEN.trim_end_matches('=')).unwrap(), "hello");
        assert_eq!(format!("{keys:?}"), "Keys(***)");
    }

    #[test]
    fn any_key_decrypts_and_the_first_encrypts() {
        let rotated = Keys::read(&format!("{OTHER},\n {KEY}")).unwrap();
        assert_eq!(rotated.decrypt(TOKEN).unwrap(), "hello");
        let anew = rotated.encrypt("hello", TIME, vector());
        let told = Keys::read(KEY).unwrap().decrypt(token(&anew).unwrap()).unwrap_err();
        assert!(told.starts_with("the key does not open it"), "{told}");
        assert_eq!(Keys::read(OTHER).unwrap().decrypt(token(&anew).unwrap()).unwrap(), "hello");
    }

    #[test]
    fn every_changed_bit_is_noticed_and_nothing_is_shown() {
        let keys = Keys::read(KEY).unwrap();
        let bytes = BASE64URL.decode(TOKEN.as_bytes()).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = BASE64URL.encode(&changed);
            let told = keys.decrypt(&changed).unwrap_err();
            assert!(!told.contains("gAAA") && !told.contains("hello"), "{told}");
        }
        for length in 0..TOKEN.len() - 2 {
            assert!(keys.decrypt(&TOKEN[..length]).is_err(), "{length}");
        }
        assert!(keys.decrypt(&format!("{TOKEN}AA")).is_err());
    }

    #[test]
    fn keys_that_are_none_are_counted_and_not_shown() {
        let standard = BASE64URL.decode(KEY.as_bytes()).map(|bytes| data_encoding::BASE64.encode(&bytes));
        assert_eq!(Keys::read(&standard.unwrap()).unwrap().decrypt(TOKEN).unwrap(), "hello");
        for (text, expected) in [
            ("", "expected a key, found none"),
            (" , ", "expected a key, found none"),
            (
                "tooshort",
                "expected its key to be base64 of 32 bytes, as `rollgate secret keygen` prints it, found 8",
            ),
            (&format!("{KEY} tooshort"), "expected its key 2 to be"),
        ] {
            let told = Keys::read(text).unwrap_err();
            assert!(told.starts_with(expected) && !told.contains("tooshort"), "{told}");
        }
    }
}
