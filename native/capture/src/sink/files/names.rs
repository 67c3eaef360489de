// SPDX-License-Identifier: Apache-2.0
//! Names of files: `INTERFACE-NETNS-IFINDEX-BEGAN-NUMBER.pcapng`, and `.part` behind that while one is written. Began in
//! Unix ns, so that names sort by time; the number tells files of one instant apart.

use std::path::{Path, PathBuf};

use crate::event::Point;

const PART: &str = ".part";
const EXTENSION: &str = ".pcapng";

/// What the names of an interface's files begin with. Names and ifindexes repeat in other namespaces: each container
/// has an eth0, often with the same number.
pub(super) fn prefix(ifname: &str, point: &Point) -> String {
    format!("{}-{}-{}-", plain(ifname), point.netns, point.ifindex)
}

/// Name of a file that is written.
pub(super) fn part(prefix: &str, began_ns: i64, number: u64) -> String {
    let began = began_ns.max(0);
    format!("{prefix}{began:020}-{number:06}{EXTENSION}{PART}")
}

/// Where a file goes when it is complete.
pub(super) fn completed(part: &Path) -> PathBuf {
    part.with_extension("")
}

/// When a file of this name begins, Unix ns as digits, and whether it is complete; None for a name that we do not give.
pub(super) fn ours(name: &str) -> Option<(&str, bool)> {
    let whole = name.strip_suffix(PART);
    let stem = whole.unwrap_or(name).strip_suffix(EXTENSION)?;
    let (before, number) = stem.rsplit_once('-')?;
    let (_, began) = before.rsplit_once('-')?;
    let digits = |text: &str, least: usize| {
        text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    (digits(number, 6) && digits(began, 20)).then_some((began, whole.is_none()))
}

/// A name without what means something in paths.
fn plain(name: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '_'
        }
    };
    name.chars().map(keep).collect()
}
