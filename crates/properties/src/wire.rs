//! HTTP/1.1 read in the simplest way there is, to hold the front door's reading against.
//!
//! It is no parser to serve by: it believes lines, and knows two ways in which a body ends.

use crate::Broken;

/// A request as it stands on the wire.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) target: &'a [u8],
    pub(crate) headers: Headers<'a>,
    pub(crate) body: Vec<u8>,
}

/// An answer as it stands on the wire.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) headers: Headers<'a>,
    pub(crate) body: &'a [u8],
}

/// Names and values in their order.
pub(crate) struct Headers<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Headers<'a> {
    /// The headers that `lines` are; none if a line is none.
    fn read(lines: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let header = |line: &'a [u8]| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
            let (space, value) = ([b' ', b'\t'], value.get(1..)?);
            let first = value.iter().position(|byte| !space.contains(byte)).unwrap_or(value.len());
            let last = value.iter().rposition(|byte| !space.contains(byte)).map_or(first, |last| last + 1);
            is_name.then_some((name, value.get(first..last)?))
        };
        lines.map(header).collect::<Option<_>>().map(Self)
    }

    /// The values of `name`.
    pub(crate) fn all(&self, name: &str) -> Vec<&'a [u8]> {
        self.iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
            .collect()
    }

    /// The value of `name`, if it stands there once.
    pub(crate) fn one(&self, name: &str) -> Option<&'a [u8]> {
        match self.all(name).as_slice() {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Name and value of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.0.iter().copied()
    }
}

/// The requests that `bytes` are, up to the first that is none.
pub(crate) fn requests(bytes: &[u8]) -> Vec<Request<'_>> {
    let (mut requests, mut rest) = (Vec::new(), bytes);
    while let Some((request, further)) = request(rest) {
        requests.push(request);
        rest = further;
    }
    requests
}

fn request(bytes: &[u8]) -> Option<(Request<'_>, &[u8])> {
    // RFC 9112 §2.2: an empty line may stand before a request.
    let (first, headers, rest) = head(bytes.strip_prefix(b"\r\n").unwrap_or(bytes))?;
    let mut words = first.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(_version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return None;
    };
    let (body, rest) =
        match (headers.all("content-length").as_slice(), headers.all("transfer-encoding").as_slice()) {
            ([], []) => (Vec::new(), rest),
            ([length], []) => {
                let length: usize = str::from_utf8(length).ok()?.parse().ok()?;
                let (body, rest) = rest.split_at_checked(length)?;
                (body.to_vec(), rest)
            }
            ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => chunked(rest)?,
            _ => return None,
        };
    Some((Request { method, target, headers, body }, rest))
}

fn chunked(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut body, mut rest) = (Vec::new(), bytes);
    loop {
        let (size, further) = line(rest)?;
        let size = size.split(|byte| *byte == b';').next()?;
        let size = usize::from_str_radix(str::from_utf8(size).ok()?.trim_end(), 16).ok()?;
        if size == 0 {
            rest = further;
            break;
        }
        let (chunk, further) = further.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        rest = further.strip_prefix(b"\r\n")?;
    }
    loop {
        let (trailer, further) = line(rest)?;
        rest = further;
        if trailer.is_empty() {
            return Some((body, rest));
        }
    }
}

/// The answers that `bytes` are.
pub(crate) fn answers(bytes: &[u8]) -> Result<Vec<Answer<'_>>, Broken> {
    let (mut answers, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let shown =
            || String::from_utf8_lossy(rest.get(..rest.len().min(400)).unwrap_or_default()).into_owned();
        let (first, headers, further) =
            head(rest).ok_or_else(|| Broken::new(format!("no answer: {:?}", shown())))?;
        let status = status(first).ok_or_else(|| Broken::new(format!("no status: {:?}", shown())))?;
        if status == 100 {
            rest = further;
            continue;
        }
        let length =
            headers.one("content-length").and_then(|length| str::from_utf8(length).ok()?.parse().ok());
        // That of a HEAD says how long the body would have been.
        let has_body =
            !(matches!(status, 204 | 304) || further.is_empty() || further.starts_with(b"HTTP/1."));
        keep!(length.is_some() || !has_body, "an answer without a length: {:?}", shown());
        let length: usize = if has_body { length.unwrap_or_default() } else { 0 };
        let whole = further.split_at_checked(length);
        let (body, further) = whole.ok_or_else(|| Broken::new(format!("half an answer: {:?}", shown())))?;
        answers.push(Answer { status, headers, body });
        rest = further;
    }
    Ok(answers)
}

fn status(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    let (digits, reason) = rest.split_at_checked(3)?;
    let is_whole = reason.is_empty() || reason.starts_with(b" ");
    str::from_utf8(digits).ok()?.parse().ok().filter(|_| is_whole)
}

/// First line, headers, and what comes after the empty line.
fn head(bytes: &[u8]) -> Option<(&[u8], Headers<'_>, &[u8])> {
    let (first, mut rest) = line(bytes)?;
    let mut lines = Vec::new();
    loop {
        let (line, further) = line(rest)?;
        rest = further;
        if line.is_empty() {
            return Some((first, Headers::read(lines.into_iter())?, rest));
        }
        lines.push(line);
    }
}

/// The first line, and what comes after it. A line ends with both characters and has neither alone.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line, rest.strip_prefix(b"\r\n")?))
}
