//! Pages of a list that is in a stable order.

use quorate_api::{Page, PageQuery, limits};

use crate::failure::Failure;

/// How many items the client wants.
///
/// # Errors
/// `invalid`, when it is none or more than [`limits::PAGE_MAX`].
pub(super) fn limit(asked: Option<u32>, field: &str) -> Result<usize, Failure> {
    let limit = asked.unwrap_or(limits::PAGE_DEFAULT);
    match (1..=limits::PAGE_MAX).contains(&limit) {
        true => Ok(limit as usize),
        false => Err(Failure::field(
            field,
            "is out of its bounds",
            format!("1 to {}", limits::PAGE_MAX),
        )),
    }
}

/// The first page of `items`, which begin after the query's cursor already. `cursor` names an item
/// such that the list can go on after it.
pub(super) fn cut<S, T>(
    items: impl Iterator<Item = S>,
    query: &PageQuery,
    show: impl Fn(&S) -> T,
    cursor: impl Fn(&S) -> String,
) -> Result<Page<T>, Failure> {
    let limit = limit(query.limit, "limit")?;
    let mut next = None;
    let mut shown = Vec::new();
    let mut items = items.peekable();
    while let Some(item) = items.next() {
        shown.push(show(&item));
        if shown.len() == limit {
            next = items.peek().map(|_| cursor(&item));
            break;
        }
    }
    Ok(Page { items: shown, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: u32, after: u32) -> Page<u32> {
        let query = PageQuery {
            limit: Some(limit),
            after: None,
        };
        cut(after + 1..=5, &query, |item| *item, u32::to_string).expect("a page")
    }

    #[test]
    fn pages_join_without_gap_or_end_marker() {
        assert_eq!(
            page(2, 0),
            Page {
                items: vec![1, 2],
                next: Some("2".into())
            }
        );
        assert_eq!(
            page(2, 2),
            Page {
                items: vec![3, 4],
                next: Some("4".into())
            }
        );
        assert_eq!(
            page(2, 4),
            Page {
                items: vec![5],
                next: None
            }
        );
        assert_eq!(page(5, 0).next, None, "a full last page is still the last");
    }

    #[test]
    fn a_limit_out_of_bounds_is_named() {
        for asked in [0, limits::PAGE_MAX + 1, u32::MAX] {
            let failure = limit(Some(asked), "limit").expect_err("out of bounds");
            assert_eq!(failure.problem.errors[0].field, "limit");
        }
    }
}
