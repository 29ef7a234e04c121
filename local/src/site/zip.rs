//! Reads files out of a zip archive in memory: as much of the format as the archive of the Swagger UI uses (stored
//! and deflated entries, no encryption, no zip64). Source: PKWARE's APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16.

use std::io::Read;

use flate2::read::DeflateDecoder;

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The files of `archive` whose paths are `wanted`. Entries that cannot be read are left out.
pub(super) fn files(archive: &[u8], wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let Some((mut place, count)) = directory(archive) else {
        return files;
    };
    for _ in 0..count {
        let Some(entry) = Entry::read(archive, place) else {
            break;
        };
        place = entry.next;
        if wanted(&entry.path)
            && let Some(body) = entry.body(archive)
        {
            files.push((entry.path, body));
        }
    }
    files
}

/// Where the central directory begins, and how many entries it has.
fn directory(archive: &[u8]) -> Option<(usize, u16)> {
    let end = archive.windows(END.len()).rposition(|bytes| bytes == END)?;
    Some((four(archive, end + 16)?, two(archive, end + 10)?))
}

struct Entry {
    path: String,
    method: u16,
    compressed: usize,
    size: usize,
    /// Where its local header begins.
    header: usize,
    /// Where the next entry of the directory begins.
    next: usize,
}

impl Entry {
    fn read(archive: &[u8], at: usize) -> Option<Self> {
        if archive.get(at..at + ENTRY.len())? != ENTRY {
            return None;
        }
        let name_length = usize::from(two(archive, at + 28)?);
        let rest = usize::from(two(archive, at + 30)?) + usize::from(two(archive, at + 32)?);
        let name = at + 46;
        Some(Self {
            path: String::from_utf8_lossy(archive.get(name..name + name_length)?).into_owned(),
            method: two(archive, at + 10)?,
            compressed: four(archive, at + 20)?,
            size: four(archive, at + 24)?,
            header: four(archive, at + 42)?,
            next: name + name_length + rest,
        })
    }

    fn body(&self, archive: &[u8]) -> Option<Vec<u8>> {
        // The local header repeats the name, and has extra fields of its own.
        let name = usize::from(two(archive, self.header + 26)?);
        let extra = usize::from(two(archive, self.header + 28)?);
        let begin = self.header + 30 + name + extra;
        let bytes = archive.get(begin..begin + self.compressed)?;
        match self.method {
            STORED => Some(bytes.to_vec()),
            DEFLATED => {
                let mut body = Vec::with_capacity(self.size);
                DeflateDecoder::new(bytes).read_to_end(&mut body).ok()?;
                Some(body)
            }
            _ => None,
        }
    }
}

fn two(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?.try_into().ok()?;
    Some(u16::from_le_bytes(bytes))
}

fn four(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_and_deflated_files_come_out_whole() {
        let archive = utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
        let read = files(archive, |path| {
            path.ends_with("/dist/swagger-ui.css") || path.ends_with("/dist/favicon-16x16.png")
        });
        let sizes: Vec<_> = read.iter().map(|(_, body)| body.len()).collect();
        assert_eq!(sizes, [665, 152_071]);
        assert!(String::from_utf8_lossy(&read[1].1).starts_with(".swagger-ui"));
    }

    #[test]
    fn what_is_no_archive_has_no_files() {
        assert!(files(b"PK\x05\x06 and then nothing", |_| true).is_empty());
        assert!(files(b"", |_| true).is_empty());
    }
}
