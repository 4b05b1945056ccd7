use std::os::unix::ffi::OsStringExt as _;

use secrecy::ExposeSecret as _;

use super::*;

const ON_LAMBDA: [(&str, &str); 6] = [
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
    ("AWS_LAMBDA_FUNCTION_NAME", "broker"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ("LAMBDA_TASK_ROOT", "/var/task"),
    ("TOKEN_BROKER_BINDINGS", "ssm:/token-broker/bindings"),
];

const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The environment of a function where `changes` are set as well; what is set to nothing is not there.
fn read(changes: &[(&str, &str)]) -> Result<Environment, EnvironmentErrors> {
    let mut variables = BTreeMap::from(ON_LAMBDA);
    variables.extend(changes.iter().copied());
    Environment::read(variables.into_iter().map(|(name, value)| (name.into(), value.into())))
}

#[test]
fn what_is_left_out_has_its_default() {
    let read = read(&[("AWS_SESSION_TOKEN", "hunter2"), ("HOME", "/"), ("TOKEN_BROKER_LOG", "")]).unwrap();
    assert_eq!(read.definition, PathBuf::from("/var/task/token-broker.yaml"));
    assert_eq!(read.bindings, Reference::Parameter("/token-broker/bindings".into()));
    assert_eq!(read.extension.port, 2773);
    assert_eq!(read.extension.token.as_ref().unwrap().expose_secret(), "hunter2");
    assert_eq!(read.log, LevelFilter::INFO);
    assert_eq!((read.metrics_namespace.as_str(), read.function.as_str()), ("token-broker", "broker"));
    assert!(!format!("{read:?}").contains("hunter2"));
}

#[test]
fn what_is_set_is_taken() {
    let read = read(&[
        ("TOKEN_BROKER_DEFINITION", "/opt/d.yaml"),
        ("TOKEN_BROKER_DEFINITION_SHA256", SHA256),
        ("TOKEN_BROKER_BINDINGS", "file:/tmp/b.json"),
        ("TOKEN_BROKER_LOG", "debug"),
        ("TOKEN_BROKER_METRICS_NAMESPACE", "Acme/Tokens"),
        ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "4000"),
        ("LAMBDA_TASK_ROOT", ""),
    ])
    .unwrap();
    assert_eq!(read.definition, PathBuf::from("/opt/d.yaml"));
    assert_eq!(read.definition_sha256.unwrap().to_string(), SHA256);
    assert_eq!(read.bindings, Reference::File("/tmp/b.json".into()));
    assert_eq!(read.log, LevelFilter::DEBUG);
    assert_eq!((read.metrics_namespace.as_str(), read.extension.port), ("Acme/Tokens", 4000));
    assert!(read.extension.token.is_none());
}

#[test]
fn each_mistake_names_its_variable_and_the_mend_and_not_the_value() {
    let rows = [
        (
            "TOKEN_BROKER_DEFINITION_SHA256",
            "E3B0",
            "is no SHA-256: write 64 hex digits in lowercase, or leave it out",
        ),
        (
            "TOKEN_BROKER_BINDINGS",
            "",
            "is not set: write `secretsmanager:NAME-OR-ARN`, `ssm:NAME` or `file:PATH`",
        ),
        (
            "TOKEN_BROKER_BINDINGS",
            "hunter2",
            "names no place: write `secretsmanager:NAME-OR-ARN`, `ssm:NAME` or `file:PATH`",
        ),
        (
            "TOKEN_BROKER_LOG",
            "hunter2",
            "is no level: write `off`, `error`, `warn`, `info`, `debug` or `trace`",
        ),
        (
            "TOKEN_BROKER_METRICS_NAMESPACE",
            "hunter2:hunter2",
            "is no namespace: write up to 255 letters, digits and `._-/#`",
        ),
        (
            "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT",
            "0",
            "is no port: write a number from 1 to 65535, or leave it out",
        ),
        (
            "AWS_LAMBDA_RUNTIME_API",
            "",
            "is not set: Lambda sets it; start this program on Lambda or on a host for it",
        ),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "hunter2", "is no number: write the megabytes of the function"),
        (
            "TOKEN_BROKER_LOGG",
            "hunter2",
            "is not known: those that are begin with TOKEN_BROKER_ and end in DEFINITION, DEFINITION_SHA256, BINDINGS, LOG or METRICS_NAMESPACE",
        ),
    ];
    for (variable, value, problem) in rows {
        let error = read(&[(variable, value)]).unwrap_err().to_string();
        assert_eq!(error, format!("`{variable}` {problem}"));
    }
    let rootless = read(&[("LAMBDA_TASK_ROOT", "")]);
    assert_eq!(rootless.unwrap().definition, PathBuf::from("token-broker.yaml"));
}

#[test]
fn all_mistakes_are_said_at_once() {
    let errors = Environment::read([("TOKEN_BROKER_LOG".into(), "loud".into())]).unwrap_err();
    let named: Vec<_> = errors.0.iter().map(|error| error.variable.as_str()).collect();
    assert_eq!(
        named,
        [
            "TOKEN_BROKER_DEFINITION",
            "TOKEN_BROKER_BINDINGS",
            "TOKEN_BROKER_LOG",
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        ]
    );
}

#[test]
fn value_that_is_no_text_is_refused_once() {
    let bytes = OsString::from_vec(b"hunter2\xff".to_vec());
    let mut variables: Vec<(OsString, OsString)> =
        ON_LAMBDA.iter().map(|(name, value)| (name.into(), value.into())).collect();
    variables.push(("TOKEN_BROKER_BINDINGS".into(), bytes));
    let errors = Environment::read(variables).unwrap_err();
    assert_eq!(errors.to_string(), "`TOKEN_BROKER_BINDINGS` is not UTF-8: write it in UTF-8");
}
