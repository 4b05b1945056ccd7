use super::*;

#[test]
fn paths_and_methods_are_told_apart() {
    let get = |path| asked(&Method::GET, path);
    let post = |path| asked(&Method::POST, path);
    assert_eq!(get("/2018-06-01/runtime/invocation/next"), Asked::Next);
    assert_eq!(post("/2018-06-01/runtime/invocation/next"), Asked::WrongMethod);
    assert_eq!(post("/2018-06-01/runtime/invocation/a-1/response"), Asked::Response("a-1"));
    assert_eq!(post("/2018-06-01/runtime/invocation/a-1/error"), Asked::Error("a-1"));
    assert_eq!(get("/2018-06-01/runtime/invocation/a-1/error"), Asked::WrongMethod);
    assert_eq!(post("/2018-06-01/runtime/init/error"), Asked::InitError);
    for path in ["/", "/2018-06-01/runtime/", "/2018-06-01/runtime/invocation/a/b/response", "/2020-01-01/x"]
    {
        assert_eq!(post(path), Asked::Nothing, "{path}");
    }
}

#[test]
fn error_type_is_a_word_or_unhandled() {
    let word = |text: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("lambda-runtime-function-error-type", HeaderValue::from_static(text));
        error_type(&headers).to_owned()
    };
    assert_eq!(word("Runtime.ImportModuleError"), "Runtime.ImportModuleError");
    assert_eq!(word("password is sesame"), "Unhandled");
    assert_eq!(word(""), "Unhandled");
    assert_eq!(error_type(&HeaderMap::new()), "Unhandled");
}
