//! Under which trace a request stands: the one that its sender names, or a new one.
//!
//! API Gateway's own header, `X-Amzn-Trace-Id`, comes first, since it alone would count there; W3C Trace Context
//! (`traceparent`) is next, and its ids are X-Ray's in another spelling. Both are parsed strictly: a header that is not
//! exactly what its specification says is as good as none. Both come from the client, so that nothing but logs and traces
//! may ever go by them.

mod request;
mod state;

use std::fmt;

use ambient::{Entropy, Timestamp};
use http::{HeaderMap, HeaderName};

pub(crate) use request::{Ended, Phase, Traced};

/// The trace id that goes to the function and back to the client.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Trace {
    /// Which trace it is.
    pub(crate) id: TraceId,
    /// What the function sees.
    pub(crate) inbound: String,
    /// What the client sees in the answer.
    pub(crate) outbound: String,
}

/// `1-6ab58520-70315d7939e4c191321149a9`: X-Ray's spelling of a trace id, without an allocation.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) struct TraceId([u8; LENGTH]);

impl Trace {
    /// The trace of a request that arrives with `headers`: a complete one that was sent is kept; one with only a root gets
    /// a parent; without a usable one, a new root is made.
    pub(crate) fn of(headers: &HeaderMap, now: Timestamp, entropy: &dyn Entropy) -> Self {
        match Sender::of(headers) {
            Some(Sender { id, whole: Some(whole), .. }) => {
                Self { id, inbound: whole.clone(), outbound: whole }
            }
            Some(Sender { id, .. }) => Self::below(id, entropy),
            None => Self::below(TraceId::draw(now, entropy), entropy),
        }
    }

    /// A trace that has a root, and no parent yet.
    fn below(id: TraceId, entropy: &dyn Entropy) -> Self {
        let (parent, lineage) = (entropy.next_u64(), entropy.next_u64() >> 32);
        let outbound = format!("Root={id};Parent={parent:016x};Sampled=0;Lineage=1:{lineage:08x}:0");
        Self { id, inbound: format!("Root={id}"), outbound }
    }
}

impl TraceId {
    /// Reads X-Ray's spelling.
    fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
        let mut parts = text.split('-');
        let (version, time, random) = (parts.next()?, parts.next()?, parts.next()?);
        let is_whole = version == "1" && is_hex(time, 8) && is_hex(random, 24) && parts.next().is_none();
        is_whole.then_some(Self(bytes))
    }

    /// The same id as W3C has it: 32 digits.
    fn of_w3c(digits: &str) -> Option<Self> {
        let (time, random) = digits.split_at_checked(8)?;
        Self::parse(&format!("1-{time}-{random}"))
    }

    fn draw(now: Timestamp, entropy: &dyn Entropy) -> Self {
        let (high, low) = (entropy.next_u64(), entropy.next_u64() >> 32);
        let seconds = now.as_secs() & u64::from(u32::MAX);
        let text = format!("1-{seconds:08x}-{high:016x}{low:08x}");
        // INVARIANT: the text is as long as this; were it not, the id would be all zeros.
        Self::parse(&text).unwrap_or(Self([b'0'; LENGTH]))
    }

    /// The text itself.
    pub(crate) fn as_str(&self) -> &str {
        // INVARIANT: only ASCII is ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a sender says of the trace that its request stands under.
#[derive(Debug)]
struct Sender<'a> {
    id: TraceId,
    /// The span above.
    parent: Option<&'a str>,
    /// Whether the request is to be traced, if that is decided.
    sampled: Option<bool>,
    /// All of it in X-Ray's spelling, if there is nothing to add.
    whole: Option<String>,
    /// Whether it was said by `traceparent`.
    is_w3c: bool,
}

impl<'a> Sender<'a> {
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        if let Some(Sent { text, id, parent, sampled, complete }) =
            single(headers, &X_AMZN_TRACE_ID).and_then(Sent::parse)
        {
            let whole = complete.then(|| text.to_owned());
            return Some(Self { id, parent, sampled, whole, is_w3c: false });
        }
        let TraceParent { id, parent, sampled } =
            single(headers, &TRACEPARENT).and_then(TraceParent::parse)?;
        let whole = format!("Root={id};Parent={parent};Sampled={}", u8::from(sampled));
        Some(Self { id, parent: Some(parent), sampled: Some(sampled), whole: Some(whole), is_w3c: true })
    }
}

/// `X-Amzn-Trace-Id` as it was sent.
struct Sent<'a> {
    text: &'a str,
    id: TraceId,
    parent: Option<&'a str>,
    /// None if it is still to be decided.
    sampled: Option<bool>,
    /// With a parent and something about sampling.
    complete: bool,
}

impl<'a> Sent<'a> {
    /// Reads `Root=…;Parent=…;Sampled=…`, in any order and with what else tracers add. A field that stands twice, or whose
    /// value is not what its name promises, makes the whole unusable.
    fn parse(text: &'a str) -> Option<Self> {
        let (mut root, mut parent, mut sampled) = (None, None, None);
        let bounded = Some(text).filter(|text| text.len() <= MOST)?;
        for field in bounded.split(';') {
            let (name, value) = field.split_once('=')?;
            let known = match name {
                "Root" => &mut root,
                "Parent" => &mut parent,
                "Sampled" => &mut sampled,
                _ if is_word(name) && value.bytes().all(is_of_a_value) => continue,
                _ => return None,
            };
            if known.replace(value).is_some() {
                return None;
            }
        }
        let id = TraceId::parse(root?)?;
        let is_sane = parent.is_none_or(|parent| is_hex(parent, 16))
            && sampled.is_none_or(|sampled| matches!(sampled, "0" | "1" | "?"));
        let complete = parent.is_some() && sampled.is_some();
        let sampled = sampled.filter(|said| *said != "?").map(|said| said == "1");
        is_sane.then_some(Self { text, id, parent, sampled, complete })
    }
}

/// `traceparent` of W3C Trace Context, <https://www.w3.org/TR/trace-context/#traceparent-header>.
#[derive(Debug, Eq, PartialEq)]
struct TraceParent<'a> {
    id: TraceId,
    parent: &'a str,
    sampled: bool,
}

impl<'a> TraceParent<'a> {
    /// Reads `00-{32 hex}-{16 hex}-{2 hex}`, all in lower case; a later version may have more behind that.
    fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.splitn(5, '-');
        let (version, trace) = (fields.next()?, fields.next()?);
        let (parent, flags, more) = (fields.next()?, fields.next()?, fields.next());
        let is_shaped = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
        let is_zero = |digits: &str| digits.bytes().all(|digit| digit == b'0');
        if !is_shaped || version == "ff" || is_zero(trace) || is_zero(parent) || text.len() > MOST {
            return None;
        }
        if version == "00" && more.is_some() {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { id: TraceId::of_w3c(trace)?, parent, sampled })
    }
}

/// The value of a header that stands once. Of two, nobody knows which is meant.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.to_str().ok()).flatten()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_of_a_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-:.".contains(&byte)
}

const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The characters of a [`TraceId`].
const LENGTH: usize = 35;
/// How long a header may be.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::SeededEntropy;

    use super::*;

    const ROOT: &str = "Root=1-6ab58520-70315d7939e4c191321149a9";
    const WHOLE: &str = "Root=1-6ab58520-70315d7939e4c191321149a9;Parent=53995c3f42cd8ad8;Sampled=1";
    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn trace(headers: &[(&'static str, &str)]) -> Trace {
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        Trace::of(&headers.collect(), Timestamp::from_secs(0x6ab5_8520), &SeededEntropy::new(1))
    }

    fn appended(name: &'static str, values: [&str; 2]) -> Trace {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        Trace::of(&headers, Timestamp::from_secs(0x6ab5_8520), &SeededEntropy::new(1))
    }

    #[test]
    fn complete_trace_is_kept_and_root_gets_a_parent() {
        let id = TraceId::parse("1-6ab58520-70315d7939e4c191321149a9").unwrap();
        assert_eq!(
            trace(&[("x-amzn-trace-id", WHOLE)]),
            Trace { id, inbound: WHOLE.into(), outbound: WHOLE.into() }
        );
        let below = trace(&[("x-amzn-trace-id", ROOT)]);
        assert_eq!((below.id, below.inbound.as_str()), (id, ROOT));
        assert!(below.outbound.starts_with(&format!("{ROOT};Parent=")));
        assert!(below.outbound.contains(";Sampled=0;Lineage=1:"));
        let further = format!("Self=1-6ab58520-5d7939e4c191321149a970ab;{WHOLE};Lineage=1:00ff00ff:0");
        assert_eq!(trace(&[("x-amzn-trace-id", &further)]).inbound, further);
    }

    #[test]
    fn traceparent_goes_on_in_the_spelling_of_x_ray() {
        let whole = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
        let seen = trace(&[("traceparent", W3C)]);
        assert_eq!((seen.inbound.as_str(), seen.outbound.as_str()), (whole, whole));
        assert_eq!(seen.id.as_str(), "1-4bf92f35-77b34da6a3ce929d0e0e4736");
        assert!(trace(&[("traceparent", &W3C.replace("-01", "-00"))]).inbound.ends_with(";Sampled=0"));
        assert!(trace(&[("traceparent", &W3C.replace("-01", "-03"))]).inbound.ends_with(";Sampled=1"));
        let later = W3C.replacen("00-", "cc-", 1) + "-what-comes-later";
        assert_eq!(trace(&[("traceparent", &later)]).inbound, whole);
    }

    #[test]
    fn header_of_api_gateway_comes_first() {
        assert_eq!(trace(&[("x-amzn-trace-id", WHOLE), ("traceparent", W3C)]).inbound, WHOLE);
        let seen = trace(&[("x-amzn-trace-id", "nonsense"), ("traceparent", W3C)]);
        assert!(seen.inbound.starts_with("Root=1-4bf92f35-"));
    }

    #[test]
    fn header_that_is_not_what_it_should_be_is_as_good_as_none() {
        let none = trace(&[]);
        assert!(none.inbound.starts_with("Root=1-6ab58520-"), "{none:?}");
        assert_eq!(none.inbound.len(), ROOT.len());
        let long = format!("{WHOLE};Lineage={}", "1".repeat(200));
        for unusable in [
            "hello",
            "",
            "Root=",
            "Root=1-\"};x",
            "Root=1-6ab58520-70315d7939e4c191321149a",
            "Root=1-6AB58520-70315D7939E4C191321149A9",
            "Root=2-6ab58520-70315d7939e4c191321149a9",
            "root=1-6ab58520-70315d7939e4c191321149a9",
            "Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=1-6ab58520-70315d7939e4c191321149a9;Root=1-6ab58520-70315d7939e4c191321149a9",
            "Root=1-6ab58520-70315d7939e4c191321149a9;Parent=1;Sampled=1",
            "Root=1-6ab58520-70315d7939e4c191321149a9;Parent=53995c3f42cd8ad8;Sampled=2",
            "Root=1-6ab58520-70315d7939e4c191321149a9;x y=1",
            "Root=1-6ab58520-70315d7939e4c191321149a9;",
            &long,
        ] {
            assert_eq!(trace(&[("x-amzn-trace-id", unusable)]), none, "{unusable}");
        }
        for unusable in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        ] {
            assert_eq!(trace(&[("traceparent", unusable)]), none, "{unusable}");
        }
        assert_eq!(appended("x-amzn-trace-id", [WHOLE, WHOLE]), none);
        assert_eq!(appended("traceparent", [W3C, W3C]), none);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_what_goes_on_is_a_trace(sent in "[ -~]{0,300}", parent in "[ -~]{0,80}") {
            let seen = trace(&[("x-amzn-trace-id", &sent), ("traceparent", &parent)]);
            prop_assert!(Sent::parse(&seen.inbound).is_some(), "{}", seen.inbound);
            prop_assert!(Sent::parse(&seen.outbound).is_some_and(|sent| sent.complete), "{}", seen.outbound);
            prop_assert_eq!(TraceId::parse(seen.id.as_str()), Some(seen.id));
        }
    }
}
