//! Certificates that `openssl` makes.

use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Place, Run};

/// Who signs certificates in the directory `tls` of a place.
pub(crate) struct Authority {
    directory: PathBuf,
    name: String,
}

impl Authority {
    pub(crate) fn new(place: &Place, name: &str) -> Self {
        let authority = Self { directory: place.path("tls"), name: name.to_owned() };
        let subject = format!("/CN={name}");
        let usage = "keyUsage=critical,keyCertSign,cRLSign";
        authority.make(name, &["-subj", &subject, "-addext", usage]);
        authority
    }

    /// Makes `name.pem` and `name.key`, for servers that are called `localhost` and for clients.
    pub(crate) fn sign(&self, name: &str, subject: &str, serial: u32) {
        let (certificate, key) = (format!("{}.pem", self.name), format!("{}.key", self.name));
        let serial = serial.to_string();
        self.make(
            name,
            &[
                "-subj",
                subject,
                "-set_serial",
                &serial,
                "-CA",
                &certificate,
                "-CAkey",
                &key,
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-addext",
                "basicConstraints=critical,CA:false",
                "-addext",
                "extendedKeyUsage=serverAuth,clientAuth",
            ],
        );
    }

    fn make(&self, name: &str, arguments: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-utf8",
        ]);
        openssl.args(["-days", "200", "-out", &format!("{name}.pem"), "-keyout", &format!("{name}.key")]);
        Run::from(openssl.args(arguments).current_dir(&self.directory).output().unwrap()).ok();
    }
}
