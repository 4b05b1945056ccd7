//! Each refusal, and agreement with the WHATWG parser on what is accepted.

use proptest::prelude::*;

use super::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

fn read(body: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let form = Form::read(FORM, body)?;
    Ok(form.pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

fn encode(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[test]
fn what_no_form_may_contain_is_refused() {
    let rows: [(&[u8], FormError); 21] = [
        (b"a=%", FormError::Escape),
        (b"a=%4", FormError::Escape),
        (b"a=%zz", FormError::Escape),
        (b"a=%+1", FormError::Escape),
        (b"a=%4&b=1", FormError::Escape),
        (b"%4g=1", FormError::Escape),
        (b"a=%ff", FormError::Utf8),
        (b"a=\xff", FormError::Utf8),
        (b"a=%c0%80", FormError::Utf8),
        (b"a=%ed%a0%80", FormError::Utf8),
        (b"a=%00", FormError::Control),
        (b"a=\0", FormError::Control),
        (b"a=1\n", FormError::Control),
        (b"a=%0d%0a", FormError::Control),
        (b"a=%7f", FormError::Control),
        (b"a=%c2%85", FormError::Control),
        (b"=1", FormError::Nameless),
        (b"a=1&a=2", FormError::Repeated),
        (b"a=&a=2", FormError::Repeated),
        (b"a&%61=1", FormError::Repeated),
        (b"client_secret=x&client_secret=x", FormError::Repeated),
    ];
    for (body, error) in rows {
        assert_eq!(read(body), Err(error), "{}", body.escape_ascii());
    }
}

#[test]
fn empty_is_absent() {
    let form = Form::read(FORM, b"a=&b&c=1").unwrap();
    assert_eq!(
        (form.value("a"), form.value("b"), form.value("c"), form.value("d")),
        (None, None, Some("1"), None)
    );
}

#[test]
fn size_and_number_are_bounded_exactly() {
    let bytes = |length: usize| [b"a=".as_slice(), &vec![b'x'; length - 2]].concat();
    assert!(read(&bytes(MAX_BYTES)).is_ok());
    assert_eq!(read(&bytes(MAX_BYTES + 1)), Err(FormError::TooLarge));
    let parameters = |count: usize| (0..count).map(|n| format!("p{n}=1&")).collect::<Vec<_>>().concat();
    assert!(read(parameters(MAX_PARAMETERS).as_bytes()).is_ok());
    assert_eq!(read(parameters(MAX_PARAMETERS + 1).as_bytes()), Err(FormError::TooManyParameters));
}

#[test]
fn the_media_type_is_asked_before_anything_is_read() {
    assert_eq!(Form::read(None, b"a=%").unwrap_err(), FormError::MediaType);
    assert_eq!(Form::read(Some("application/json"), b"{}").unwrap_err(), FormError::MediaType);
}

#[test]
fn debug_shows_no_value() {
    let form = Form::read(FORM, b"client_id=billing&client_secret=hunter2").unwrap();
    assert_eq!(format!("{form:?}"), "Form(2 parameters)");
}

/// Bytes that look like forms more often than random ones do.
fn form_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"&".to_vec()),
        Just(b"=".to_vec()),
        Just(b"+".to_vec()),
        Just(b"%".to_vec()),
        Just(b"%e2%82%ac".to_vec()),
        any::<u8>().prop_map(|byte| format!("%{byte:02X}").into_bytes()),
        "[a-c ]{0,2}".prop_map(String::into_bytes),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic(content_type in prop::option::of(any::<String>()), body in any::<Vec<u8>>()) {
        let _ = Form::read(content_type.as_deref(), &body);
        let _ = read(&body);
    }

    #[test]
    fn what_is_accepted_means_the_same_to_the_whatwg_parser(body in form_like()) {
        if let Ok(pairs) = read(&body) {
            let lenient: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
            prop_assert_eq!(&lenient, &pairs);
            prop_assert_eq!(read(encode(&pairs).as_bytes()), Ok(pairs));
        }
    }

    #[test]
    fn what_was_encoded_is_decoded_again(values in prop::collection::vec("\\PC{0,20}", 0..8)) {
        let pairs: Vec<_> = values.into_iter().enumerate().map(|(n, value)| (format!("{n} é"), value)).collect();
        prop_assert_eq!(read(encode(&pairs).as_bytes()), Ok(pairs));
    }

    #[test]
    fn every_single_byte_survives_its_escape(byte in any::<u8>()) {
        let encoded: String = form_urlencoded::byte_serialize(&[byte]).collect();
        let expected = str::from_utf8(&[byte]).map_err(|_| FormError::Utf8).and_then(|text| {
            if text.contains(char::is_control) { Err(FormError::Control) } else { Ok(text.to_owned()) }
        });
        prop_assert_eq!(decode(encoded.as_bytes()).map(Cow::into_owned), expected);
    }
}
