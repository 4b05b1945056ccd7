//! `homes.local.tls`: how connections to the front door are encrypted. The files are not looked at here.

use std::path::PathBuf;

use super::{Inspector, values};
use crate::Position;
use crate::definition::{ClientAuth, ClientAuthorities, TlsSettings, TlsVersion};
use crate::document::TlsDocument;
use crate::error::Shown;
use crate::written::{Optional, Written};

/// None if there is none, or if it is wrong.
pub(super) fn inspect(
    written: Optional<Written<TlsDocument>>,
    inspector: &mut Inspector,
) -> Option<TlsSettings> {
    let Written {
        value: TlsDocument { certificate, key, min_version, client_auth, client_ca, client_crl },
        at,
    } = written.0?;
    inspector.note(TLS, at);
    let certificate = file(&certificate, "certificate", inspector);
    let key = file(&key, "key", inspector);
    let mend = "write `\"1.2\"` or `\"1.3\"`";
    let min_version =
        inspector.optional(&min_version, &at_field("min_version"), mend, |version| match version.as_str() {
            "1.2" => Ok(TlsVersion::V1_2),
            "1.3" => Ok(TlsVersion::V1_3),
            other => Err(format!("{} is no version that is spoken", Shown(other))),
        });
    let ca = client_ca.0.as_ref().map(|ca| (ca.at, file(ca, "client_ca", inspector)));
    let crl = client_crl.0.as_ref().map(|crl| (crl.at, file(crl, "client_crl", inspector)));
    let client_auth = self::client_auth(&client_auth, (ca, crl), inspector);
    Some(TlsSettings {
        certificate: certificate?,
        key: key?,
        client_auth: client_auth?,
        min_version: min_version.unwrap_or_default(),
    })
}

/// Where a file was named, and the path if it is one.
type Named = Option<(Position, Option<PathBuf>)>;

fn client_auth(
    written: &Optional<Written<String>>,
    (ca, crl): (Named, Named),
    inspector: &mut Inspector,
) -> Option<ClientAuth> {
    let word = written.0.as_ref().map_or("none", |word| word.value.as_str());
    let at = written.0.as_ref().map_or(Position::START, |word| word.at);
    let auth: fn(ClientAuthorities) -> ClientAuth = match word {
        "none" => {
            for (named, field) in [(ca, "client_ca"), (crl, "client_crl")] {
                if let Some((at, _)) = named {
                    let mend = "add `client_auth: required` or `client_auth: optional`, or remove the field";
                    let problem = "nothing goes by it: clients are not asked for certificates";
                    inspector.report(at, &at_field(field), problem, mend);
                }
            }
            return Some(ClientAuth::None);
        }
        "optional" => ClientAuth::Optional,
        "required" => ClientAuth::Required,
        other => {
            let problem = format!("{} is no way to ask clients for certificates", Shown(other));
            inspector.report(at, &at_field("client_auth"), problem, "write `none`, `optional` or `required`");
            return None;
        }
    };
    let Some((_, ca)) = ca else {
        let mend = "add `client_ca: FILE` with the certificates of those who sign clients' certificates";
        inspector.report(
            at,
            &at_field("client_auth"),
            "nobody is known who signs clients' certificates",
            mend,
        );
        return None;
    };
    Some(auth(ClientAuthorities { ca: ca?, crl: crl.and_then(|(_, crl)| crl) }))
}

fn file(written: &Written<String>, field: &str, inspector: &mut Inspector) -> Option<PathBuf> {
    let mend = "write the path of a PEM file, from the directory of the definition";
    inspector.value(written, &at_field(field), mend, |file| values::path(file))
}

fn at_field(name: &str) -> String {
    format!("{TLS}.{name}")
}

const TLS: &str = "homes.local.tls";
