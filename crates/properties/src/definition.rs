//! `token-broker.yaml`: read, compiled and held against the guardrails.

use ambient::Timestamp;
use config::{Compiled, Definition, DefinitionErrors, KeyRecord, compile, guard};
use restapi::{ApiKeyId, ApiKeyValue};

use crate::{Broken, Kept};

/// What is refused is refused with places in the file; what is read means the same wherever it stands, and compiles to
/// objects that the guardrails can be asked about, in the same way each time.
pub(crate) fn check(input: &[u8]) -> Kept {
    let Ok(text) = str::from_utf8(input) else { return Ok(()) };
    match Definition::parse(text, "token-broker.yaml") {
        Err(errors) => stands_in(&errors, text),
        Ok(definition) => {
            moved_down(&definition, text)?;
            compiled(&definition, text)
        }
    }
}

fn stands_in(errors: &DefinitionErrors, text: &str) -> Kept {
    // YAML has line ends of its own: a lone carriage return is one.
    let lines = text.split(['\n', '\r']).count();
    keep!(errors.iter().next().is_some(), "refused for no reason");
    let widest = text.chars().count();
    for error in errors.iter() {
        let at = error.at;
        keep!(at.line >= 1 && at.line <= lines.max(1), "line {} of {lines}: {}", at.line, error.problem);
        keep!(
            at.column >= 1 && at.column <= widest + 1,
            "column {} of {widest}: {}",
            at.column,
            error.problem
        );
        let told = [&error.problem, &error.mend];
        keep!(told.iter().all(|text| !text.is_empty()), "nothing is said of {at:?}");
        keep!(!told.iter().any(|text| text.chars().any(char::is_control)), "{:?}", error.problem);
    }
    let shown = errors.to_string();
    let is_plain = |c: char| c == '\n' || !c.is_control();
    keep!(shown.chars().all(is_plain), "a control character goes to the terminal: {shown:?}");
    Ok(())
}

/// A comment on top moves every place down by a line and changes nothing else.
fn moved_down(definition: &Definition, text: &str) -> Kept {
    if text.starts_with('\u{feff}') {
        return Ok(());
    }
    let moved = Definition::parse(&format!("# moved\n{text}"), "token-broker.yaml")
        .map_err(|errors| Broken::by("refused below a comment", errors))?;
    let meaning = |definition: &Definition| {
        let Definition { api, plans, clients, app_clients, broker, local, aws, .. } = definition;
        format!("{api:?} {plans:?} {clients:?} {app_clients:?} {broker:?} {local:?} {aws:?}")
    };
    keep!(meaning(definition) == meaning(&moved), "a comment changes what {text:?} means");
    let lines = |definition: &Definition| -> Vec<usize> {
        definition.waivers.iter().map(|waiver| waiver.position.line).collect()
    };
    let down: Vec<usize> = lines(definition).iter().map(|line| line + 1).collect();
    keep!(down == lines(&moved), "waivers stand at {:?} and, a line lower, at {:?}", down, lines(&moved));
    Ok(())
}

fn compiled(definition: &Definition, text: &str) -> Kept {
    let Ok(keys) = keys(definition) else { return Err(Broken::new("no key for a client")) };
    let Ok(compiled) = compile(definition, keys.clone()) else { return Ok(()) };
    let again = compile(definition, keys).map_err(|error| Broken::by("compiles once", error))?;
    keep!(format!("{:?}", compiled.account) == format!("{:?}", again.account), "two compilations differ");
    keep!(compiled.clients.len() == definition.clients.len(), "a client is lost");
    for breach in guard(&compiled, Timestamp::EPOCH) {
        let lines = text.split(['\n', '\r']).count();
        keep!(breach.at.is_none_or(|at| at.line >= 1 && at.line <= lines), "{breach} is not in the file");
        keep!(!breach.to_string().is_empty(), "nothing is said of a breach");
    }
    reads_back(&compiled)
}

/// The account can be written, and no secret is in what is written.
fn reads_back(compiled: &Compiled) -> Kept {
    let shown = format!("{compiled:?}");
    keep!(!shown.contains(VALUE), "a key's value is shown");
    Ok(())
}

fn keys(definition: &Definition) -> Result<Vec<KeyRecord>, restapi::ApiKeyValueError> {
    let record = |client: &policy::ClientId| {
        let id = ApiKeyId::derived(&[client.as_str()]);
        let value = ApiKeyValue::new(format!("{VALUE}-{id}"))?;
        Ok(KeyRecord { id, client: client.clone(), value, enabled: true, name: client.to_string() })
    };
    definition.clients.keys().map(record).collect()
}

const VALUE: &str = "value-that-nobody-may-see";
