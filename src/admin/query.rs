//! The query of a list or an export: `limit`, `cursor`, `workspace`, `status`.

use percent_encoding::percent_decode_str;

use super::body::Faults;
use crate::error::Error;
use crate::registry::Workspace;
use crate::store::Filter;

const DEFAULT_LIMIT: u32 = 50;

/// Which parameters a list has.
#[derive(Clone, Copy, Debug)]
pub enum Listed {
    /// Records, and the statuses that a listed one can have.
    Records(&'static [&'static str]),
    /// The audit trail: paging alone.
    Audit,
    /// The audit trail's export: the same, with larger pages.
    Export,
}

impl Listed {
    /// How many a page has where nothing is said, and at most.
    const fn limits(self) -> (u32, u32) {
        match self {
            Self::Records(_) | Self::Audit => (DEFAULT_LIMIT, 100),
            Self::Export => (1_000, 1_000),
        }
    }
}

/// Reads the query of a list.
///
/// # Errors
/// [`Error::AdminInvalidRequest`] with every fault.
pub fn filter(query: Option<&str>, listed: Listed) -> Result<Filter, Error> {
    let (limit, most) = listed.limits();
    let mut filter = Filter { limit, ..Filter::default() };
    let mut faults = Faults::default();
    let mut seen = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        if seen.contains(&name) {
            faults.add(name, "must be there once");
            continue;
        }
        seen.push(name);
        match (name, listed) {
            ("limit", _) => match value.parse() {
                Ok(limit) if (1..=most).contains(&limit) => filter.limit = limit,
                _ => faults.add(name, format!("must be a whole number from 1 to {most}")),
            },
            ("cursor", _) => match value.parse() {
                Ok(before) => filter.before = Some(before),
                Err(_) => faults.add(name, "must be the cursor of an earlier answer"),
            },
            ("workspace", Listed::Records(_)) => match Workspace::parse(&value) {
                Some(workspace) => filter.workspace = Some(workspace.to_string()),
                None => faults.add(name, "must be 1 to 64 of A-Z a-z 0-9 _ -"),
            },
            ("status", Listed::Records(statuses)) => {
                if statuses.contains(&&*value) {
                    filter.status = Some(value.into_owned());
                } else {
                    faults.add(name, format!("must be one of {}", statuses.join(", ")));
                }
            }
            _ => faults.add(name, "is not a parameter of this"),
        }
    }
    faults.check()?;
    Ok(filter)
}

/// Reads the query of an export: the number of the line that it goes on behind, where there is one, and how many lines
/// it has at most.
///
/// # Errors
/// [`Error::AdminInvalidRequest`] with every fault.
pub fn export(query: Option<&str>) -> Result<(Option<u64>, u32), Error> {
    let Filter { before: cursor, limit, .. } = filter(query, Listed::Export)?;
    Ok((cursor, limit))
}

/// Refuses a query where none is looked at, so that nobody takes an unsupported filter for applied.
///
/// # Errors
/// [`Error::AdminInvalidRequest`].
pub fn none(query: Option<&str>) -> Result<(), Error> {
    if query.unwrap_or_default().is_empty() {
        Ok(())
    } else {
        Err(Faults::one("query", "must be empty: this takes no parameters"))
    }
}

/// Cuts what was asked for one more than the limit to a page, and gives the cursor of the next where there is one.
#[must_use]
pub fn page<T>(mut found: Vec<(u64, T)>, limit: u32) -> (Vec<T>, Option<String>) {
    let limit = limit as usize;
    let more = found.len() > limit;
    found.truncate(limit);
    let cursor = found.last().filter(|_| more).map(|(seq, _)| seq.to_string());
    (found.into_iter().map(|(_, item)| item).collect(), cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: Listed = Listed::Records(&["active", "paused"]);

    fn faulty(query: &str, listed: Listed) -> Vec<String> {
        match filter(Some(query), listed) {
            Err(Error::AdminInvalidRequest { fields }) => fields.into_iter().map(|(field, _)| field).collect(),
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn a_list_has_50_where_nothing_is_said() {
        let expected = Filter { limit: 50, ..Filter::default() };
        assert_eq!(filter(None, RECORDS), Ok(expected.clone()));
        assert_eq!(filter(Some(""), RECORDS), Ok(expected));
    }

    #[test]
    fn a_list_is_narrowed_by_its_parameters() {
        let read = filter(Some("limit=2&cursor=17&workspace=te%61m&status=paused"), RECORDS).unwrap();
        let expected = Filter {
            limit: 2,
            before: Some(17),
            workspace: Some("team".to_owned()),
            status: Some("paused".to_owned()),
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn an_export_has_a_thousand_lines_where_nothing_is_said() {
        assert_eq!(export(None), Ok((None, 1_000)));
        assert_eq!(export(Some("cursor=0&limit=7")), Ok((Some(0), 7)));
    }

    #[test]
    fn every_fault_of_a_query_is_found_at_once() {
        let query = "limit=0&cursor=x&workspace=a%20b&status=deleted&page=2&limit=5";
        assert_eq!(faulty(query, RECORDS), ["limit", "cursor", "workspace", "status", "page", "limit"]);
        assert_eq!(faulty("limit=101", Listed::Audit), ["limit"]);
        assert_eq!(faulty("limit=1001&cursor=-1&from=1", Listed::Export), ["limit", "cursor", "from"]);
        assert_eq!(faulty("status=active&workspace=a", Listed::Audit), ["status", "workspace"]);
    }

    #[test]
    fn a_page_has_a_cursor_only_where_more_follows() {
        let found = vec![(9, 'a'), (7, 'b'), (4, 'c')];
        assert_eq!(page(found.clone(), 2), (vec!['a', 'b'], Some("7".to_owned())));
        assert_eq!(page(found, 3), (vec!['a', 'b', 'c'], None));
        assert_eq!(page(Vec::<(u64, char)>::new(), 3), (vec![], None));
    }
}
