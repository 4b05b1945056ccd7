//! Whatever stands in a document, reading it comes to an end.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::plan::Plan;
use crate::judge;
use crate::terraform::Document;

/// What a node becomes.
fn node() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(Value::Null)),
        1 => any::<bool>().prop_map(|flag| Some(json!(flag))),
        1 => any::<i64>().prop_map(|number| Some(json!(number))),
        1 => any::<f64>().prop_map(|number| Some(json!(number))),
        2 => "[a-z./\\[\\]\"é$:*{}~1]{0,12}".prop_map(|text| Some(json!(text))),
        1 => Just(Some(json!([]))),
        1 => Just(Some(json!({}))),
        1 => Just(Some(json!([null, {}, [[]], "x"]))),
    ]
}

/// Every node's JSON pointer.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                pointers(value, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(object) => {
            for (name, value) in object {
                pointers(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

/// Replaces the node at `pointer`, or takes it away.
fn change(document: &mut Value, pointer: &str, to: Option<Value>) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    match (document.pointer_mut(parent), to) {
        (Some(Value::Object(object)), Some(to)) => _ = object.insert(name, to),
        (Some(Value::Object(object)), None) => _ = object.remove(&name),
        (Some(Value::Array(list)), to) => {
            let Some(index) = name.parse().ok().filter(|index| *index < list.len()) else { return };
            match to {
                Some(to) => list[index] = to,
                None => _ = list.remove(index),
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn mutilated_document_is_read_or_refused(
        which in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), node()), 1..24),
    ) {
        let plans = [Plan::of_example, Plan::state_of_example, Plan::with_broker, Plan::state_with_broker];
        let Plan(mut value) = plans[which]();
        let mut all = Vec::new();
        pointers(&value, "", &mut all);
        for (index, to) in changes {
            let pointer: &String = index.get(&all);
            change(&mut value, pointer, to);
        }
        if let Ok(document) = Document::parse(&value.to_string()) {
            let definition = Plan::definition_with_broker();
            let _ = judge::terraform(&document, "x.json", None, Some(&definition));
            let _ = judge::terraform(&document, "x.json", Some("token-broker-api"), None);
        }
    }

    #[test]
    fn text_is_read_or_refused(text in "\\PC{0,64}") {
        let _ = Document::parse(&text);
    }
}
