//! Formats whose fields a second reader can count: CSV, XML, and Apache's.
//!
//! The names of formats stand for texts, because no fuzzer would keep a long text whole while it looks for values.

use crate::{Broken, Kept};

/// The format that `name` stands for, if it is the name of one.
pub(super) fn named(name: &str) -> Option<&'static str> {
    FORMATS.iter().find(|(own, ..)| *own == name).map(|(_, format, _)| *format)
}

/// The line has the fields of `format`, if it is one of the named ones, and `agent` is the last.
pub(super) fn are_kept(line: &str, format: &str, agent: &str) -> Kept {
    let Some((.., read)) = FORMATS.iter().find(|(_, own, _)| *own == format) else { return Ok(()) };
    let fields = read(line).ok_or_else(|| Broken::new(format!("no line of {format:?}: {line:?}")))?;
    let count = format.matches("$context.").count();
    keep!(fields.len() == count, "{} fields where the format has {count}: {line:?}", fields.len());
    // What nobody sees has no form in CSV and XML, and becomes something else.
    let seen = |text: &str| text.chars().filter(|c| (' '..='~').contains(c)).collect::<String>();
    let last = fields.last().map(|last| seen(last));
    keep!(last == Some(seen(agent)), "{agent:?} is told as {last:?} in {line:?}");
    Ok(())
}

/// RFC 4180.
fn csv(line: &str) -> Option<Vec<String>> {
    let (mut fields, mut rest) = (Vec::new(), line);
    loop {
        let (field, further) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (field, further) = rest.split_at_checked(end)?;
                (Some(field).filter(|field| !field.contains('"'))?.to_owned(), further)
            }
            Some(quoted) => {
                let mut field = String::new();
                let mut rest = quoted;
                loop {
                    let (part, further) = rest.split_once('"')?;
                    field.push_str(part);
                    let Some(further) = further.strip_prefix('"') else { break (field, further) };
                    field.push('"');
                    rest = further;
                }
            }
        };
        fields.push(field);
        match further.strip_prefix(',') {
            Some(further) => rest = further,
            None => return further.is_empty().then_some(fields),
        }
    }
}

/// `<r a="value"><b>value</b></r>`, read from mark to mark.
fn xml(line: &str) -> Option<Vec<String>> {
    let rest = line.strip_prefix("<r id=\"")?;
    let (id, rest) = rest.split_once('"')?;
    let rest = rest.strip_prefix("><path>")?;
    let (path, rest) = rest.split_once('<')?;
    let rest = rest.strip_prefix("/path><agent>")?;
    let (agent, rest) = rest.split_once('<')?;
    (rest == "/agent></r>").then_some(())?;
    [id, path, agent].into_iter().map(unreferenced).collect()
}

/// The text with its character references resolved; none if it has a mark that must be one.
fn unreferenced(text: &str) -> Option<String> {
    let mut pieces = text.split('&');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(';')?;
        let number = name.strip_prefix("#x").map(|digits| u32::from_str_radix(digits, 16));
        let number = number.or_else(|| name.strip_prefix('#').map(str::parse));
        plain.push(match (name, number) {
            ("lt", _) => '<',
            ("gt", _) => '>',
            ("amp", _) => '&',
            ("quot", _) => '"',
            ("apos", _) => '\'',
            (_, number) => char::from_u32(number?.ok()?)?,
        });
        plain.push_str(rest);
    }
    Some(plain)
}

/// Words between spaces, brackets or quotes, and in quotes what Apache escapes.
fn apache(line: &str) -> Option<Vec<String>> {
    let (id, rest) = line.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let rest = rest.strip_suffix('"')?;
    let mut bytes = Vec::new();
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        bytes.push(match byte {
            b'"' => return None,
            b'\\' => match left.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'b' => 8,
                b'f' => 12,
                b'v' => 11,
                b'x' => {
                    let digits = [left.next()?, left.next()?];
                    u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
                }
                own => own,
            },
            own => own,
        });
    }
    (!id.contains(' ')).then_some(())?;
    Some(vec![id.to_owned(), time.to_owned(), String::from_utf8(bytes).ok()?])
}

type Read = fn(&str) -> Option<Vec<String>>;

const FORMATS: [(&str, &str, Read); 3] = [
    ("@csv", "$context.requestId,$context.path,$context.identity.userAgent", csv),
    (
        "@xml",
        "<r id=\"$context.requestId\"><path>$context.path</path><agent>$context.identity.userAgent</agent></r>",
        xml,
    ),
    ("@apache", "$context.requestId [$context.requestTime] \"$context.identity.userAgent\"", apache),
];
