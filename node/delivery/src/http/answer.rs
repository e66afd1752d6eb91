//! Reading an answer: was the message taken, certainly not taken, or does the answer not tell?
//!
//! A status of `success` whose body fits the rule: taken. Such a status with a body that does not fit: the gateway has answered, and not with
//! what the operator calls success, so it is refused. A status of `refused`: refused. Anything else tells nothing.

use serde_json::Value;

use super::exchange::Answer;
use crate::{
    attempt::{Accepted, Blame, Halt},
    limits::{ENTRIES, QUOTE_CHARS, TEMPLATE_BYTES},
    problem::Checker,
    settings::{AnswerRule, Http, StatusRange},
};

/// The rules of one gateway.
pub(crate) struct Verdicts {
    success: Vec<StatusRange>,
    refused: Vec<StatusRange>,
    rule: AnswerRule,
    reference: String,
}

impl Verdicts {
    pub(crate) fn compile(http: &Http, checker: &mut Checker) -> Self {
        for (field, ranges) in [("success.statuses", &http.success.statuses), ("refused", &http.refused)] {
            checker.require(
                ranges.len() <= ENTRIES,
                field,
                format!("has more than {ENTRIES} entries"),
            );
            let sane =
                |range: &StatusRange| (100..=599).contains(&range.from) && (range.from..=599).contains(&range.to);
            checker.require(
                ranges.iter().all(sane),
                field,
                "has a range that is not within 100 to 599",
            );
        }
        checker.require(
            !http.success.statuses.is_empty(),
            "success.statuses",
            "is empty: nothing would ever count as sent",
        );
        let overlap = |a: &StatusRange| http.success.statuses.iter().any(|b| a.from <= b.to && b.from <= a.to);
        checker.require(
            !http.refused.iter().any(overlap),
            "refused",
            "has a status that is in success.statuses too",
        );
        checker.line("reference", &http.reference, TEMPLATE_BYTES, true);
        checker.within("success.body", |checker| check_rule(&http.success.body, checker));
        Self {
            success: http.success.statuses.clone(),
            refused: http.refused.clone(),
            rule: http.success.body.clone(),
            reference: http.reference.clone(),
        }
    }

    pub(super) fn judge(&self, answer: &Answer) -> Result<Accepted, Halt> {
        let words = format!("HTTP {} {}", answer.status, answer.body);
        if contains(&self.refused, answer.status) {
            let blame = blame(answer.status);
            return Err(Halt::Refused { answer: words, blame });
        }
        if !contains(&self.success, answer.status) {
            return Err(Halt::Uncertain(words));
        }
        let json = serde_json::from_str(&answer.body).ok();
        if fits(&self.rule, &answer.body, json.as_ref()) {
            let reference = json.as_ref().and_then(|json| at_path(json, &self.reference));
            return Ok(Accepted {
                answer: words,
                reference: reference.map(|reference| reference.chars().take(QUOTE_CHARS).collect()),
            });
        }
        match &answer.cut {
            // What is missing might have been what was looked for.
            Some(why) => Err(Halt::Uncertain(format!("HTTP {}, {why}", answer.status))),
            None => Err(Halt::Refused {
                answer: words,
                blame: Blame::Message,
            }),
        }
    }
}

fn check_rule(rule: &AnswerRule, checker: &mut Checker) {
    match rule {
        AnswerRule::Any => {}
        AnswerRule::Contains(text) => {
            checker.require(!text.is_empty(), "contains", "is empty: every answer has that");
            checker.require(
                text.len() <= TEMPLATE_BYTES,
                "contains",
                format!("is longer than {TEMPLATE_BYTES} bytes"),
            );
        }
        AnswerRule::Wildcard(pattern) => {
            checker.require(!pattern.trim().is_empty(), "wildcard", "is empty");
            checker.require(
                pattern.len() <= TEMPLATE_BYTES,
                "wildcard",
                format!("is longer than {TEMPLATE_BYTES} bytes"),
            );
        }
        AnswerRule::Json { path, one_of } => {
            checker.line("json.path", path, TEMPLATE_BYTES, false);
            checker.require(
                (1..=ENTRIES).contains(&one_of.len()),
                "json.one_of",
                format!("has to have 1 to {ENTRIES} entries"),
            );
        }
    }
}

fn contains(ranges: &[StatusRange], status: u16) -> bool {
    ranges.iter().any(|range| (range.from..=range.to).contains(&status))
}

/// Credentials, credit and quotas are the gateway's trouble, and so is its own failure; the rest may be the number's.
const fn blame(status: u16) -> Blame {
    match status {
        300..=399 | 401..=403 | 407 | 408 | 429 | 500.. => Blame::Gateway,
        _ => Blame::Message,
    }
}

fn fits(rule: &AnswerRule, body: &str, json: Option<&Value>) -> bool {
    match rule {
        AnswerRule::Any => true,
        AnswerRule::Contains(text) => body.contains(text),
        AnswerRule::Wildcard(pattern) => matches_wildcard(pattern.trim(), body.trim()),
        AnswerRule::Json { path, one_of } => {
            let value = json.and_then(|json| at_path(json, path));
            value.is_some_and(|value| one_of.contains(&value))
        }
    }
}

/// The text of a string, number, boolean or null at a dotted path.
fn at_path(json: &Value, path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let found = path.split('.').try_fold(json, |value, step| match value {
        Value::Array(values) => values.get(step.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get(step),
        _ => None,
    });
    match found? {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.to_string()),
    }
}

/// `*` for anything, `?` for one character. On a mismatch only the last star takes one character more, so that the work is at most pattern
/// times text.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut in_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(character) if *character == '?' || *character == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_text = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|character| *character == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(rule: AnswerRule, status: u16, body: &str, cut: Option<&str>) -> &'static str {
        let mut http = Http::new("http://localhost/");
        http.success.body = rule;
        "messages.0.id".clone_into(&mut http.reference);
        let mut checker = Checker::default();
        let verdicts = Verdicts::compile(&http, &mut checker);
        assert!(!checker.has_problems());
        let cut = cut.map(str::to_owned);
        match verdicts.judge(&Answer {
            status,
            body: body.to_owned(),
            cut,
        }) {
            Ok(Accepted { reference: Some(_), .. }) => "accepted with a reference",
            Ok(_) => "accepted",
            Err(Halt::Refused {
                blame: Blame::Gateway, ..
            }) => "refused by the gateway's fault",
            Err(Halt::Refused {
                blame: Blame::Message, ..
            }) => "refused",
            Err(Halt::Refused {
                blame: Blame::Busy | Blame::Recipient,
                ..
            }) => "refused as HTTP cannot",
            Err(Halt::Uncertain(_)) => "unknown",
            Err(Halt::Broken(_)) => "broken",
        }
    }

    #[test]
    fn status_and_body_decide() {
        let contains = || AnswerRule::Contains("OK".to_owned());
        let json = || AnswerRule::Json {
            path: "messages.0.status".to_owned(),
            one_of: vec!["0".to_owned(), "true".to_owned()],
        };
        for (rule, status, body, wanted) in [
            (AnswerRule::Any, 200, "", "accepted"),
            (
                AnswerRule::Any,
                202,
                "{\"messages\":[{\"id\":7}]}",
                "accepted with a reference",
            ),
            (AnswerRule::Any, 302, "", "refused by the gateway's fault"),
            (AnswerRule::Any, 400, "", "refused"),
            (AnswerRule::Any, 401, "", "refused by the gateway's fault"),
            (AnswerRule::Any, 429, "", "refused by the gateway's fault"),
            (AnswerRule::Any, 500, "", "unknown"),
            (AnswerRule::Any, 502, "", "unknown"),
            (AnswerRule::Any, 503, "", "refused by the gateway's fault"),
            (AnswerRule::Any, 504, "", "unknown"),
            (contains(), 200, "status: OK", "accepted"),
            (contains(), 200, "ERROR 12", "refused"),
            (contains(), 500, "OK", "unknown"),
            (
                AnswerRule::Wildcard("?: Accepted*".to_owned()),
                202,
                "0: Accepted for delivery\n",
                "accepted",
            ),
            (
                AnswerRule::Wildcard("?: Accepted*".to_owned()),
                202,
                "no: Accepted",
                "refused",
            ),
            (json(), 200, "{\"messages\":[{\"status\":\"0\"}]}", "accepted"),
            (json(), 200, "{\"messages\":[{\"status\":0}]}", "accepted"),
            (
                json(),
                200,
                "{\"messages\":[{\"status\":true,\"id\":\"x\"}]}",
                "accepted with a reference",
            ),
            (json(), 200, "{\"messages\":[{\"status\":\"4\"}]}", "refused"),
            (json(), 200, "{\"messages\":[]}", "refused"),
            (json(), 200, "<html>login</html>", "refused"),
        ] {
            let told = format!("{rule:?} {status} {body}");
            assert_eq!(verdict(rule, status, body, None), wanted, "{told}");
        }
        assert_eq!(verdict(contains(), 200, "stat", Some("broke off")), "unknown");
        assert_eq!(verdict(contains(), 200, "OK", Some("broke off")), "accepted");
        assert_eq!(verdict(AnswerRule::Any, 200, "", Some("broke off")), "accepted");
    }

    #[test]
    fn wrong_rules_are_named() {
        let mut http = Http::new("http://localhost/");
        http.success.statuses = vec![StatusRange::new(200, 400)];
        http.refused = vec![StatusRange::new(400, 999)];
        http.success.body = AnswerRule::Contains(String::new());
        let mut checker = Checker::default();
        Verdicts::compile(&http, &mut checker);
        let problems: Vec<String> = checker.finish().0.iter().map(ToString::to_string).collect();
        let wanted = [
            "refused has a range that is not within 100 to 599",
            "refused has a status that is in success.statuses too",
            "success.body.contains is empty: every answer has that",
        ];
        assert_eq!(problems, wanted);
    }

    proptest! {
        #[test]
        fn wildcards_agree_with_what_they_mean(start in "[ab]{0,4}", middle in "[ab]{0,6}", end in "[ab]{0,4}") {
            let text = format!("{start}{middle}{end}");
            let pattern = format!("{start}*{end}");
            prop_assert!(matches_wildcard(&pattern, &text));
            prop_assert!(matches_wildcard(&"?".repeat(text.len()), &text));
            let (longer, other) = (format!("{text}?"), format!("{pattern}c"));
            prop_assert!(!matches_wildcard(&longer, &text) && !matches_wildcard(&other, &text));
        }

        #[test]
        fn many_stars_end_soon(text in "a{0,2000}") {
            prop_assert!(!matches_wildcard(&"*a".repeat(500).replace("a*", "a*b*"), &text));
        }

        #[test]
        fn nothing_makes_it_panic(path in "\\PC{0,20}", body in any::<String>()) {
            if let Ok(json) = serde_json::from_str(&body) {
                let _ = at_path(&json, &path);
            }
            let _ = at_path(&serde_json::json!({"a": [1, {"b": null}]}), &path);
            let _ = matches_wildcard(&path, &body);
        }
    }
}
