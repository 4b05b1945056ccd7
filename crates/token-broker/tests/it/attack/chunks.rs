//! The coding of a chunked body.

use super::case::Outcome::{Granted, GrantedThenRefused, Refused};
use super::case::{Case, FORM, Good, case};

pub(super) fn cases(good: &Good) -> Vec<Case> {
    let wrong = [
        ("size that is no number", format!("x\r\n{FORM}\r\n0\r\n\r\n")),
        ("size without digits", format!("\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a sign", format!("+1d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size below zero", format!("-1d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a space before it", format!(" 1d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a tab before it", format!("\t1d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a space after it", format!("1d \r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a tab after it", format!("1d\t\r\n{FORM}\r\n0\r\n\r\n")),
        ("size that says it is hexadecimal", format!("0x1d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a separator", format!("1_d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a fraction", format!("1d.0\r\n{FORM}\r\n0\r\n\r\n")),
        ("size in other digits", format!("١d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size of nine digits", format!("00000001d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size of sixteen digits", format!("ffffffffffffffff\r\n{FORM}\r\n0\r\n\r\n")),
        ("size that overflows to what it is", format!("1000000000000001d\r\n{FORM}\r\n0\r\n\r\n")),
        ("size of a thousand zeros", format!("{}1d\r\n{FORM}\r\n0\r\n\r\n", "0".repeat(1000))),
        ("size with an extension", format!("1d;a=b\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with an extension without a name", format!("1d;\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a quoted extension", format!("1d;a=\"\r\n\"\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with an extension that ends in a line feed", format!("1d;a\n{FORM}\r\n0\r\n\r\n")),
        ("size with a long extension", format!("1d;{}\r\n{FORM}\r\n0\r\n\r\n", "a".repeat(20_000))),
        ("last size with an extension", format!("1d\r\n{FORM}\r\n0;a\r\n\r\n")),
        ("size that ends in a line feed", format!("1d\n{FORM}\r\n0\r\n\r\n")),
        ("size that ends in a carriage return", format!("1d\r{FORM}\r\n0\r\n\r\n")),
        ("size that ends in two carriage returns", format!("1d\r\r\n{FORM}\r\n0\r\n\r\n")),
        ("size with a NUL", format!("1d\0\r\n{FORM}\r\n0\r\n\r\n")),
        ("chunk that ends in a line feed", format!("1d\r\n{FORM}\n0\r\n\r\n")),
        ("chunk that ends in a carriage return", format!("1d\r\n{FORM}\r0\r\n\r\n")),
        ("chunk without an end", format!("1d\r\n{FORM}0\r\n\r\n")),
        ("chunk longer than its size", format!("1c\r\n{FORM}\r\n0\r\n\r\n")),
        ("chunk shorter than its size", format!("1e\r\n{FORM}\r\n0\r\n\r\n")),
        ("no chunks but a form", FORM.to_owned()),
        ("last chunk that ends in a line feed", format!("1d\r\n{FORM}\r\n0\n\n")),
        ("end that is a line feed", format!("1d\r\n{FORM}\r\n0\r\n\n")),
        ("end that is a carriage return", format!("1d\r\n{FORM}\r\n0\r\n\rx")),
        ("trailer", format!("1d\r\n{FORM}\r\n0\r\na: b\r\n\r\n")),
        ("trailer with a key", format!("1d\r\n{FORM}\r\n0\r\nx-api-key: smuggled\r\n\r\n")),
        ("trailer with a length", format!("1d\r\n{FORM}\r\n0\r\nContent-Length: 5\r\n\r\n")),
        ("trailer without a colon", format!("1d\r\n{FORM}\r\n0\r\nx\r\n\r\n")),
        ("trailer without an end", format!("1d\r\n{FORM}\r\n0\r\n{}", "a".repeat(1000))),
        ("thousand trailers", format!("1d\r\n{FORM}\r\n0\r\n{}\r\n", "a: b\r\n".repeat(1000))),
    ];
    let mut cases: Vec<Case> =
        wrong.into_iter().map(|(name, body)| case(name, good.chunked(body), Refused(400))).collect();
    let each: Vec<String> = FORM.chars().map(|letter| format!("1\r\n{letter}\r\n")).collect();
    let each = each.concat();
    let many = "1\r\na\r\n".repeat(70_000);
    cases.extend([
        case("chunks", good.chunked(format!("1d\r\n{FORM}\r\n0\r\n\r\n")), Granted),
        case("chunks in capitals", good.chunked(format!("1D\r\n{FORM}\r\n00\r\n\r\n")), Granted),
        case("chunk for each letter", good.chunked(format!("{each}0\r\n\r\n")), Granted),
        case("size of eight digits", good.chunked(format!("0000001d\r\n{FORM}\r\n0\r\n\r\n")), Granted),
        case(
            "chunk larger than a body may be",
            good.chunked(format!("11170\r\n{}\r\n0\r\n\r\n", "a".repeat(70_000))),
            Refused(413),
        ),
        case("more chunks than a body may have", good.chunked(format!("{many}0\r\n\r\n")), Refused(413)),
        case(
            "bytes after the end",
            good.chunked(format!("1d\r\n{FORM}\r\n0\r\n\r\n\0")),
            GrantedThenRefused(400),
        ),
    ]);
    cases
}
