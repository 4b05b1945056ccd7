//! The two RSA keys of a pool: which signs what, how they are kept, how they are named.
//!
//! Cognito publishes two keys. One signs access tokens, the other id tokens; which one does which never changes. A key's
//! `kid` is its RFC 7638 thumbprint: the same key has the same name after every restart, and no two keys share one.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

/// The keys of a pool.
#[derive(Debug)]
pub struct SigningKeys {
    /// Signs access tokens.
    pub(crate) access: SigningKey,
    /// Would sign id tokens. It is published and signs nothing here.
    pub(crate) identity: SigningKey,
}

impl SigningKeys {
    /// The keys of a pool: `access` signs access tokens, `identity` is only published.
    pub fn new(access: SigningKey, identity: SigningKey) -> Result<Self, KeyError> {
        if access.kid == identity.kid { Err(KeyError::Same) } else { Ok(Self { access, identity }) }
    }

    /// Two new keys. Takes a tenth of a second each.
    pub fn generate() -> Result<Self, KeyError> {
        Self::new(SigningKey::generate()?, SigningKey::generate()?)
    }

    /// The key that signs access tokens.
    pub fn access(&self) -> &SigningKey {
        &self.access
    }

    /// The key that is only published.
    pub fn identity(&self) -> &SigningKey {
        &self.identity
    }
}

/// An RSA key of 2048 bits, parsed once. Its `Debug` shows the name alone.
pub struct SigningKey {
    pair: KeyPair,
    pub(crate) kid: String,
    pub(crate) modulus: String,
    pub(crate) exponent: String,
}

impl SigningKey {
    /// A new key.
    ///
    /// Its randomness is the cryptographic library's own and no argument: a key that a seed could repeat is no key.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::named(KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?))
    }

    /// Reads a key from unencrypted PKCS#8 in DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = KeyPair::from_pkcs8(der).map_err(|_| KeyError::Read)?;
        if pair.public_modulus_len() == MODULUS_BYTES { Ok(Self::named(pair)) } else { Err(KeyError::Read) }
    }

    /// The key as unencrypted PKCS#8 in DER, in memory that is wiped when it is dropped.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyError::Write)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// The key's name, as it stands in the header of a token and in the JWKS.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The RS256 signature of `message`. Takes about half a millisecond.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyError::Sign)?;
        Ok(signature)
    }

    fn named(pair: KeyPair) -> Self {
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let (modulus, exponent) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
        // RFC 7638 §3: the required members in this order, without spaces.
        let members = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Self { pair, kid, modulus, exponent }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// What can go wrong with a key. It never repeats a part of one.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum KeyError {
    /// No key could be made.
    #[error("no signing key could be generated")]
    Generate,
    /// The bytes are no usable key.
    #[error("not an rsa key of 2048 bits in pkcs#8")]
    Read,
    /// A key could not be written.
    #[error("the signing key could not be encoded")]
    Write,
    /// A signature failed.
    #[error("the signing key could not sign")]
    Sign,
    /// One key was given for both uses.
    #[error("a user pool needs two different signing keys")]
    Same,
}

const MODULUS_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_keeps_its_name_through_its_file() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        assert_eq!((key.kid(), &key.modulus), (again.kid(), &again.modulus));
        assert_eq!(key.sign(b"x").unwrap(), again.sign(b"x").unwrap());
        assert_eq!(SigningKeys::new(key, again).unwrap_err(), KeyError::Same);
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        assert_eq!(SigningKey::from_pkcs8(b"").unwrap_err(), KeyError::Read);
        let larger = KeyPair::generate(KeySize::Rsa3072).unwrap();
        let der: Pkcs8V1Der<'_> = larger.as_der().unwrap();
        assert_eq!(SigningKey::from_pkcs8(der.as_ref()).unwrap_err(), KeyError::Read);
    }

    #[test]
    fn debug_shows_the_name_alone() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ kid: {:?}, .. }}", key.kid()));
    }
}
