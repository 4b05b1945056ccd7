//! Whatever a client sends, a line stays one line of its format, and the value can be read back from it.

use proptest::prelude::*;
use restapi::AccessLogFormat;

use super::escape::Place;
use super::*;

/// The line of `format` in which every variable has the same value.
fn line(format: &str, value: &str) -> String {
    let mut out = Vec::new();
    LogLine::parse(format).render_into(&mut out, |_| Some(Cow::Borrowed(value)));
    String::from_utf8(out).unwrap()
}

fn places(format: &str) -> Vec<Place> {
    let parts = LogLine::parse(format).parts.into_iter();
    parts
        .filter_map(|part| match part {
            LinePart::Variable { place, .. } => Some(place),
            LinePart::Text(_) => None,
        })
        .collect()
}

/// What a client may try: everything, and above all what formats are made of.
fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        proptest::collection::vec(
            prop_oneof![
                Just('"'),
                Just('\''),
                Just('\\'),
                Just('\n'),
                Just('\r'),
                Just('\t'),
                Just(','),
                Just(' '),
                Just('<'),
                Just('>'),
                Just('&'),
                Just(';'),
                Just('['),
                Just(']'),
                Just('|'),
                Just('\0'),
                Just('\u{85}'),
                Just('\u{2028}'),
                Just('\u{202e}'),
                Just('\u{ffff}'),
                Just('$'),
                Just('a'),
            ],
            0..12
        )
        .prop_map(String::from_iter),
    ]
}

fn is_one_line(line: &str) -> bool {
    !line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}'))
}

/// As RFC 4180 reads a record.
fn read_csv(line: &str) -> Vec<String> {
    let (mut fields, mut quoted, mut chars) = (vec![String::new()], false, line.chars().peekable());
    while let Some(c) = chars.next() {
        let field = fields.last_mut().unwrap();
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    assert!(!quoted, "a quote does not end: {line}");
    fields
}

/// What the entities in a text stand for. Nothing else of XML may be in it.
fn read_xml(text: &str) -> String {
    assert!(!text.contains(['<', '>', '"', '\'']), "markup in {text}");
    let mut pieces = text.split('&');
    let mut read = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(';').expect("a reference ends");
        read.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            name => {
                let digits = name.strip_prefix("#x").unwrap();
                char::from_u32(u32::from_str_radix(digits, 16).unwrap()).unwrap()
            }
        });
        read.push_str(rest);
    }
    read
}

/// The fields of a line of text: between spaces, in quotes or in brackets; escapes are undone.
fn read_text(line: &str) -> Vec<Vec<u8>> {
    let (mut fields, mut end, mut bytes) = (vec![Vec::new()], None, line.bytes());
    while let Some(byte) = bytes.next() {
        let field = fields.last_mut().unwrap();
        match (byte, end) {
            (b'\\', _) => field.push(match bytes.next().unwrap() {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other,
            }),
            (byte, Some(closing)) if byte == closing => end = None,
            (b'"', None) => end = Some(b'"'),
            (b'[', None) => end = Some(b']'),
            (b' ', None) => fields.push(Vec::new()),
            (byte, _) => field.push(byte),
        }
    }
    assert_eq!(end, None, "something does not end: {line}");
    fields
}

/// What a format of CSV or XML cannot hold is replaced.
fn without(value: &str, is_lost: impl Fn(char) -> bool) -> String {
    value.chars().map(|c| if is_lost(c) { '\u{fffd}' } else { c }).collect()
}

fn is_lost_in_xml(c: char) -> bool {
    (c < ' ' && !"\t\n\r".contains(c)) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

#[test]
fn format_is_what_its_text_is() {
    use Place::*;
    let table: [(&str, &[Place]); 30] = [
        (r#"{"a":"$context.a","b":$context.b}"#, &[JsonString, JsonValue]),
        (r#"["$context.a b", {"$context.b": [$context.c]}]"#, &[JsonString, JsonString, JsonValue]),
        ("{\"a\":\n\"$context.a\"}\n", &[JsonString]),
        // What follows a backslash, or is a digit of an escape, would change its meaning.
        (r#"{"a":"\$context.a"}"#, &[Bare]),
        (r#"{"a":"\u00$context.a"}"#, &[Quoted]),
        (r#"{"a":1$context.a}"#, &[Bare]),
        (r#"{"a":"$context.a""#, &[Quoted]),
        ("<r id=\"$context.a\"><b>$context.b &amp; c</b><c/></r>\n", &[Xml, Xml]),
        ("<r id='$context.a' n = \"$context.b\" />", &[Xml, Xml]),
        ("<a>$context.a</b>", &[Bare]),
        ("<a>$context.a</a><b/>", &[Bare]),
        ("<a>$context.a", &[Bare]),
        ("<$context.a/>", &[Bare]),
        ("<a $context.a='b'/>", &[Bare]),
        ("<a b=$context.a/>", &[Bare]),
        ("<a b='1' b='$context.a'/>", &[Bare]),
        ("<a><!-- $context.a --></a>", &[Bare]),
        ("<a><![CDATA[$context.a]]></a>", &[Bracketed]),
        ("<a>& $context.a</a>", &[Bare]),
        ("$context.a,$context.b", &[CsvField, CsvField]),
        ("\"$context.a b\",dev,$context.b,", &[CsvQuoted, CsvField]),
        ("\"a\"\"$context.a\",b", &[CsvQuoted]),
        ("$context.a, $context.b", &[Bare, Bare]),
        ("$context.a-$context.b,c", &[Bare, Bare]),
        ("\"$context.a\"b,c", &[Quoted]),
        ("$context.a", &[Bare]),
        ("[$context.requestTime] \"$context.a\" $context.requestTime", &[Bracketed, Quoted, Own]),
        (r#"a="\"$context.a" $context.b"#, &[Quoted, Bare]),
        ("\"$context.a", &[Bare]),
        ("", &[]),
    ];
    for (format, expected) in table {
        assert_eq!(places(format), expected, "{format}");
    }
}

#[test]
fn named_formats_are_what_their_names_say() {
    use Place::*;
    let first = |name: &str| places(AccessLogFormat::named(name).unwrap().here())[0];
    assert_eq!(first("json"), Place::JsonString);
    assert_eq!(first("csv"), Place::CsvField);
    assert_eq!(first("xml"), Place::Xml);
    let clf = places(AccessLogFormat::Clf.here());
    assert_eq!(clf, [Own, Own, Own, Bracketed, Quoted, Quoted, Quoted, Own, Own, Own, Own]);
}

#[test]
fn line_breaks_of_the_format_are_not_in_the_line() {
    assert_eq!(line("$context.a\n$context.b\r\n", "x"), "x x");
}

#[test]
fn what_is_missing_is_a_dash_that_its_format_can_read() {
    let dashed = |format: &str| {
        let mut out = Vec::new();
        LogLine::parse(format).render_into(&mut out, |name| (name == "a").then_some(Cow::Borrowed("")));
        String::from_utf8(out).unwrap()
    };
    assert_eq!(dashed(r#"{"a":"$context.a","b":$context.b}"#), r#"{"a":"-","b":"-"}"#);
    assert_eq!(dashed("<a>$context.a</a>"), "<a>-</a>");
    assert_eq!(dashed("$context.a,$context.b"), "-,-");
    assert_eq!(dashed("$context.a [$context.b]"), "- [-]");
    assert_eq!(dashed("$context.a-$context.b \"$context.a\""), "--- \"-\"");
}

#[test]
fn values_stand_as_each_format_has_them() {
    let value = "a \"b\" <c>&'d', \\e\n[f]|ä\u{0}";
    let formats = [
        r#"{"v":"$context.v"}"#,
        r#"{"v":$context.v}"#,
        "<v>$context.v</v>",
        "$context.v,-",
        "\"$context.v\",-",
        "\"$context.v\" x",
        "[$context.v] x",
        "$context.v|x",
    ];
    let lines: Vec<String> = formats.map(|format| line(format, value)).into();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn numbers_are_numbers_of_json_and_what_only_looks_like_one_is_text() {
    let value = |value: &str| line(r#"{"v":$context.v}"#, value);
    for number in ["0", "200", "-1.5e3", "1790280992000"] {
        assert_eq!(value(number), format!("{{\"v\":{number}}}"));
    }
    for text in ["007", "1.", "+1", "1 ", "1e999999", "--", "e", "NaN", "1,\"x\":2", "null", "true"] {
        let read: Value = serde_json::from_str(&value(text)).unwrap();
        assert_eq!(read["v"], text);
    }
}

proptest! {
    #[test]
    fn json_parses_back_to_the_value(value in values()) {
        let line = line(r#"{"a":"<$context.a>","b":$context.b,"c":1}"#, &value);
        prop_assert!(is_one_line(&line));
        let read: Value = serde_json::from_str(&line).unwrap();
        let expected = if value.is_empty() { "-" } else { &value };
        prop_assert_eq!(read.as_object().unwrap().len(), 3);
        prop_assert_eq!(&read["a"], &format!("<{expected}>"));
        match &read["b"] {
            Value::Number(_) => {
                let number = format!("\"b\":{value},");
                prop_assert!(line.contains(&number));
            }
            text => prop_assert_eq!(text, expected),
        }
    }

    #[test]
    fn xml_parses_back_to_the_value(value in values()) {
        let line = line("<r a=\"$context.a\" b='$context.b'><c>$context.c</c></r>", &value);
        prop_assert!(is_one_line(&line));
        let rest = line.strip_prefix("<r a=\"").unwrap();
        let (a, rest) = rest.split_once("\" b='").unwrap();
        let (b, rest) = rest.split_once("'><c>").unwrap();
        let c = rest.strip_suffix("</c></r>").unwrap();
        let expected = if value.is_empty() { "-".into() } else { without(&value, is_lost_in_xml) };
        for field in [a, b, c] {
            prop_assert_eq!(&read_xml(field), &expected);
        }
    }

    #[test]
    fn csv_parses_back_to_the_value(value in values()) {
        let line = line("$context.a,\"[$context.b]\",x,$context.c", &value);
        prop_assert!(is_one_line(&line));
        let expected = if value.is_empty() { "-".into() } else { without(&value, crate::template::is_unseen) };
        prop_assert_eq!(read_csv(&line), [expected.clone(), format!("[{expected}]"), "x".into(), expected]);
    }

    #[test]
    fn text_parses_back_to_the_value(value in values()) {
        let line = line("$context.a [$context.b] \"$context.c\" x|$context.d|y z", &value);
        prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let fields = read_text(&line);
        let expected = if value.is_empty() { "-" } else { &value };
        prop_assert_eq!(&fields[..3], [expected.as_bytes(), expected.as_bytes(), expected.as_bytes()]);
        prop_assert_eq!(fields.len(), 5);
        // In brackets and quotes the mark is the value's; outside it is only the format's.
        prop_assert_eq!(line.matches('|').count(), 2 + 2 * value.matches('|').count());
    }

    #[test]
    fn line_of_any_format_is_one_line(format in any::<String>(), value in values()) {
        let of_format = format.replace('\n', "");
        let line = line(&format!("{format}$context.a"), &value);
        let controls = |text: &str| text.chars().filter(|c| c.is_control()).collect::<Vec<_>>();
        prop_assert_eq!(controls(&line), controls(&of_format));
    }

    #[test]
    fn line_of_every_named_format_has_the_fields_of_its_format(value in values()) {
        let csv = line(AccessLogFormat::Csv.here(), &value);
        prop_assert_eq!(read_csv(&csv).len(), 11);
        // The time, which no client chooses, is the one field in brackets; method, path and protocol stand in quotes.
        let clf = line(AccessLogFormat::Clf.here(), &value);
        let own = line(AccessLogFormat::Clf.here(), "own");
        prop_assert_eq!(read_text(&own).len(), 9);
        prop_assert!(is_one_line(&clf));
        let json: Value = serde_json::from_str(&line(AccessLogFormat::Json.here(), &value)).unwrap();
        prop_assert_eq!(json.as_object().unwrap().len(), 18 + 1);
        let xml = line(AccessLogFormat::Xml.here(), &value);
        prop_assert_eq!(xml.matches('<').count(), 22);
    }
}
