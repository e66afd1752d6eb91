//! The committed document is the one the code describes, and it makes sense.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_committed_document_is_current() {
    let current = quorate_api::openapi::document();
    if std::env::var_os("QUORATE_WRITE_OPENAPI").is_some() {
        std::fs::write(COMMITTED, &current).expect("docs/openapi.json is writable");
    }
    let committed = std::fs::read_to_string(Path::new(COMMITTED)).expect("docs/openapi.json exists");
    assert!(
        committed == current,
        "docs/openapi.json is not what the code says; refresh it with\n  \
         QUORATE_WRITE_OPENAPI=1 cargo test -p quorate-api --test openapi"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = parsed();
    let mut references = BTreeSet::new();
    gather(&document, &mut references);
    assert!(references.len() > 20, "the document refers to its shapes by name");
    for reference in references {
        let pointer = reference
            .strip_prefix('#')
            .expect("references stay inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn operation_ids_are_unique() {
    let document = parsed();
    let mut seen = BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("a path item").values() {
            let id = operation["operationId"].as_str().expect("an operation id");
            assert!(seen.insert(id.to_owned()), "{id} is there twice");
        }
    }
    assert!(seen.contains("createUser") && seen.contains("verifyAudit"));
}

fn parsed() -> Value {
    serde_json::from_str(&quorate_api::openapi::document()).expect("the document is JSON")
}

fn gather(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                into.insert(reference.clone());
            }
            members.values().for_each(|member| gather(member, into));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
        _ => {}
    }
}
