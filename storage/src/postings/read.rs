//! Reading posting lists: one key's, page by page from either end, or all of them in order.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::{FENCE_BYTES, FOOTER_BYTES, MAGIC, PostingError, Span, io_at};
use crate::limits::POSTING_PAGES_BYTES;

/// An open file of posting lists.
#[derive(Debug)]
pub struct Postings {
    path: PathBuf,
    file: File,
    span: Span,
    fences: Vec<Fence>,
}

/// One page, and what it begins with.
#[derive(Debug, Clone, Copy)]
struct Fence {
    key: u64,
    first: u32,
    offset: u32,
    length: u32,
    crc: u32,
}

impl Postings {
    pub(super) fn open(path: PathBuf, span: Span, version: u32) -> Result<Self, PostingError> {
        let file = File::open(&path).map_err(io_at("open", &path))?;
        let length = file.metadata().map_err(io_at("read", &path))?.len();
        let damaged = |what| PostingError::Damaged {
            path: path.clone(),
            what,
        };
        let footer_at = length
            .checked_sub(FOOTER_BYTES as u64)
            .ok_or_else(|| damaged("it is too short"))?;
        let mut footer = [0; FOOTER_BYTES];
        file.read_exact_at(&mut footer, footer_at)
            .map_err(io_at("read", &path))?;
        let count = u64::from(number_at(&footer, 20));
        let fences_at = footer_at
            .checked_sub(count * FENCE_BYTES as u64)
            .filter(|_| footer.ends_with(MAGIC))
            .ok_or_else(|| damaged("its end is missing"))?;
        let mut end = vec![0; (footer_at - fences_at) as usize];
        file.read_exact_at(&mut end, fences_at).map_err(io_at("read", &path))?;
        let fences = end.chunks_exact(FENCE_BYTES).map(Fence::read).collect();
        end.extend(&footer[..FOOTER_BYTES - 12]);
        if crc32fast::hash(&end) != number_at(&footer, FOOTER_BYTES - 12) {
            return Err(damaged("a checksum does not match"));
        }
        let found = Span {
            first: long_at(&footer, 0),
            records: long_at(&footer, 8),
        };
        if found != span {
            return Err(damaged("it is of other records"));
        }
        if number_at(&footer, 16) != version {
            return Err(damaged("it is of another version"));
        }
        Ok(Self {
            path,
            file,
            span,
            fences,
        })
    }

    /// The records it covers.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// The postings of a key.
    #[must_use]
    pub fn list(&self, key: u64) -> PostingList<'_> {
        // It may begin within the page before the first that begins with it.
        let begin = self.fences.partition_point(|fence| fence.key < key).saturating_sub(1);
        let end = self.fences.partition_point(|fence| fence.key <= key);
        PostingList {
            of: self,
            key,
            begin,
            end,
            page: None,
        }
    }

    /// Calls `visit` with every record in `range` that has all these keys, ascending or else descending, until it says false.
    ///
    /// # Errors
    /// [`PostingError::Damaged`] or [`PostingError::Io`].
    pub fn search(
        &self,
        range: Range<u64>,
        keys: &[u64],
        ascending: bool,
        visit: &mut dyn FnMut(u64) -> bool,
    ) -> Result<(), PostingError> {
        let mut lists: Vec<PostingList<'_>> = keys.iter().map(|key| self.list(*key)).collect();
        let mut bound = if ascending {
            range.start
        } else {
            range.end.saturating_sub(1)
        };
        while range.contains(&bound) && !lists.is_empty() {
            match agree(&mut lists, bound, ascending)? {
                Some(record) if range.contains(&record) && visit(record) => {
                    let next = if ascending {
                        record.checked_add(1)
                    } else {
                        record.checked_sub(1)
                    };
                    let Some(next) = next else { break };
                    bound = next;
                }
                Some(_) | None => break,
            }
        }
        Ok(())
    }

    /// Every key with its postings, in order; a key that goes over several pages comes once for each.
    pub(super) fn into_pieces(self) -> impl Iterator<Item = Result<(u64, Vec<u32>), PostingError>> {
        (0..self.fences.len()).flat_map(move |number| match self.page(number) {
            Ok(page) => entries(&page)
                .map(|(key, postings)| Ok((key, decode(postings))))
                .collect(),
            Err(error) => vec![Err(error)],
        })
    }

    fn page(&self, number: usize) -> Result<Vec<u8>, PostingError> {
        let damaged = || PostingError::Damaged {
            path: self.path.clone(),
            what: "a checksum does not match",
        };
        let fence = self.fences.get(number).ok_or_else(damaged)?;
        if fence.length as usize > POSTING_PAGES_BYTES {
            return Err(damaged());
        }
        let mut page = vec![0; fence.length as usize];
        self.file
            .read_exact_at(&mut page, u64::from(fence.offset))
            .map_err(io_at("read", &self.path))?;
        match crc32fast::hash(&page) == fence.crc {
            true => Ok(page),
            false => Err(damaged()),
        }
    }
}

/// The postings of one key, searched from either end. Holds one page.
#[derive(Debug)]
pub struct PostingList<'a> {
    of: &'a Postings,
    key: u64,
    /// Pages that may hold some, as numbers: `begin` up to and without `end`.
    begin: usize,
    end: usize,
    /// The page read last: its number, and the key's postings in it.
    page: Option<(usize, Vec<u32>)>,
}

impl PostingList<'_> {
    /// The greatest record with this key that is not above `bound`.
    ///
    /// # Errors
    /// [`PostingError::Damaged`] or [`PostingError::Io`].
    pub fn at_or_below(&mut self, bound: u64) -> Result<Option<u64>, PostingError> {
        let first = self.of.span.first;
        let Some(bound) = bound.checked_sub(first) else {
            return Ok(None);
        };
        let bound = u32::try_from(bound).unwrap_or(u32::MAX);
        let postings = self.page_for(bound)?;
        let below = postings.partition_point(|posting| *posting <= bound);
        Ok(below.checked_sub(1).map(|at| first + u64::from(postings[at])))
    }

    /// The least record with this key that is not below `bound`.
    ///
    /// # Errors
    /// As [`PostingList::at_or_below`].
    pub fn at_or_above(&mut self, bound: u64) -> Result<Option<u64>, PostingError> {
        let first = self.of.span.first;
        let Ok(bound) = u32::try_from(bound.saturating_sub(first)) else {
            return Ok(None);
        };
        let postings = self.page_for(bound)?;
        let above = postings.partition_point(|posting| *posting < bound);
        if let Some(posting) = postings.get(above) {
            return Ok(Some(first + u64::from(*posting)));
        }
        let next = self.page.as_ref().map_or(self.end, |(number, _)| number + 1);
        if next >= self.end {
            return Ok(None);
        }
        Ok(self.load(next)?.first().map(|posting| first + u64::from(*posting)))
    }

    /// The postings of the last page whose first is not above `bound`; of the first page where all are above.
    fn page_for(&mut self, bound: u32) -> Result<&[u32], PostingError> {
        if self.begin >= self.end {
            return Ok(&[]);
        }
        let pages = &self.of.fences[self.begin..self.end];
        let after = pages.partition_point(|fence| fence.key < self.key || fence.first <= bound);
        self.load(self.begin + after.saturating_sub(1))
    }

    fn load(&mut self, number: usize) -> Result<&[u32], PostingError> {
        if self.page.as_ref().is_none_or(|(loaded, _)| *loaded != number) {
            let page = self.of.page(number)?;
            let own = entries(&page).find(|(key, _)| *key == self.key);
            self.page = Some((number, own.map(|(_, postings)| decode(postings)).unwrap_or_default()));
        }
        Ok(self.page.as_ref().map_or(&[], |(_, postings)| postings))
    }
}

/// The next record from `bound` on that is in all lists: each says its nearest, until none says another.
fn agree(lists: &mut [PostingList<'_>], bound: u64, ascending: bool) -> Result<Option<u64>, PostingError> {
    let mut candidate = bound;
    let mut agreed = 0;
    while agreed < lists.len() {
        agreed = 0;
        for list in lists.iter_mut() {
            let nearest = match ascending {
                true => list.at_or_above(candidate)?,
                false => list.at_or_below(candidate)?,
            };
            match nearest {
                None => return Ok(None),
                Some(record) if record == candidate => agreed += 1,
                Some(record) => {
                    candidate = record;
                    break;
                }
            }
        }
    }
    Ok(Some(candidate))
}

impl Fence {
    fn read(bytes: &[u8]) -> Fence {
        Fence {
            key: long_at(bytes, 0),
            first: number_at(bytes, 8),
            offset: number_at(bytes, 12),
            length: number_at(bytes, 16),
            crc: number_at(bytes, 20),
        }
    }
}

/// The entries of a page whose checksum was right: key, and postings as they are written.
fn entries(mut page: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        let (key, rest) = page.split_first_chunk::<8>()?;
        let (length, used) = read_varint(rest)?;
        let (postings, behind) = rest.get(used..)?.split_at_checked(length as usize)?;
        page = behind;
        Some((u64::from_be_bytes(*key), postings))
    })
}

fn decode(mut bytes: &[u8]) -> Vec<u32> {
    let mut postings = Vec::with_capacity(bytes.len());
    let mut last = 0u32;
    while let Some((difference, used)) = read_varint(bytes) {
        last = last.wrapping_add(difference);
        postings.push(last);
        bytes = &bytes[used..];
    }
    postings
}

/// A number and how many bytes it took.
fn read_varint(bytes: &[u8]) -> Option<(u32, usize)> {
    let mut number = 0u32;
    for (place, byte) in bytes.iter().take(5).enumerate() {
        number |= u32::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, place + 1));
        }
    }
    None
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|four| four.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

fn long_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(number_at(bytes, at)) << 32 | u64::from(number_at(bytes, at + 4))
}
