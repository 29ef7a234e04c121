//! Whether a file is what it says, from its bytes alone.
//!
//! A file must be of the type that it was announced as, whole, and nothing else besides: a picture ends where its format
//! says that it ends, nothing can be unpacked from it, no browser could take it for a page. Nothing is decoded: whoever
//! would attack the decoder finds none here. What is accepted is still served only as a download under its own type.

mod endings;
#[cfg(test)]
mod tests;

use super::{FileType, Rejection};

/// The most pixels of a picture: 50 million take 200 MB to show. The longest side that phones and browsers show.
const MAX_PIXELS: u64 = 50_000_000;
const MAX_SIDE: u64 = 16_384;
/// The most pixels of all pictures of one that moves.
const MAX_MOVING_PIXELS: u64 = 1_000_000_000;
/// So far into a file browsers look for what it is.
const HEAD: usize = 1_024;

/// Whether `bytes` are a file of the type `kind` and of at most `most` bytes.
///
/// # Errors
/// What speaks against it first.
pub fn inspect(bytes: &[u8], kind: FileType, most: u64) -> Result<(), Rejection> {
    if bytes.is_empty() {
        return Err(Rejection::Empty);
    }
    if u64::try_from(bytes.len()).is_ok_and(|size| size > most) {
        return Err(Rejection::TooLarge);
    }
    if sniff(bytes) != Some(kind) {
        return Err(Rejection::NotWhatItSays);
    }
    match kind {
        FileType::Jpeg => inspect_jpeg(bytes)?,
        FileType::Png => inspect_picture(bytes, endings::png(bytes))?,
        FileType::Gif => inspect_picture(bytes, endings::gif(bytes))?,
        FileType::Webp => inspect_picture(bytes, endings::webp(bytes))?,
        FileType::Pdf => inspect_pdf(bytes)?,
        // That it has no control characters has been seen.
        FileType::Text => {}
    }
    if has_any(bytes, &["<script", "<?php"]) {
        return Err(Rejection::HasScript);
    }
    if is_archive(bytes) { Err(Rejection::HasMore) } else { Ok(()) }
}

/// What a file is; nothing, if it is none of what we know.
fn sniff(bytes: &[u8]) -> Option<FileType> {
    if is_text(bytes) {
        let is_code = infer::text::is_html(bytes)
            || infer::text::is_xml(bytes)
            || infer::text::is_shellscript(bytes)
            || has_any(head(bytes), &["<svg", "<html", "<!doctype"]);
        // `%PDF` and what else is written in plain letters is for those who know the type.
        let is_plain = infer::get(bytes).is_none_or(|found| found.mime_type() != FileType::Pdf.mime_type());
        return if is_code {
            None
        } else if is_plain {
            Some(FileType::Text)
        } else {
            Some(FileType::Pdf)
        };
    }
    infer::get(bytes)?.mime_type().parse().ok().filter(|kind| *kind != FileType::Text)
}

/// Whether these are words: UTF-8 without control characters but for line breaks and tabs.
fn is_text(bytes: &[u8]) -> bool {
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(is_odd))
}

fn head(bytes: &[u8]) -> &[u8] {
    bytes.get(..HEAD).unwrap_or(bytes)
}

/// A picture ends with the file. `walked` is where it ends, and how many more pixels than one picture it has.
fn inspect_picture(bytes: &[u8], walked: Option<endings::End>) -> Result<(), Rejection> {
    let end = walked.ok_or(Rejection::Broken)?;
    check_pixels(bytes)?;
    if end.largest > MAX_PIXELS || end.pixels > MAX_MOVING_PIXELS {
        return Err(Rejection::TooManyPixels);
    }
    if end.at == bytes.len() { Ok(()) } else { Err(Rejection::HasMore) }
}

/// Telephones put further pictures behind a photograph (what is brighter in it, how far away things are): each is a whole
/// JPEG. Anything else there, such as the film of a moving photograph, is not taken.
fn inspect_jpeg(bytes: &[u8]) -> Result<(), Rejection> {
    let mut rest = bytes;
    loop {
        let end = endings::jpeg(rest).ok_or(Rejection::Broken)?;
        let (picture, behind) = rest.split_at_checked(end).ok_or(Rejection::Broken)?;
        check_pixels(picture)?;
        if behind.is_empty() {
            return Ok(());
        }
        if !behind.starts_with(&[0xff, 0xd8, 0xff]) {
            return Err(Rejection::HasMore);
        }
        rest = behind;
    }
}

fn check_pixels(bytes: &[u8]) -> Result<(), Rejection> {
    let size = imagesize::blob_size(bytes).map_err(|_| Rejection::Broken)?;
    let side = |side: usize| u64::try_from(side).unwrap_or(u64::MAX);
    let (width, height) = (side(size.width), side(size.height));
    match width.saturating_mul(height) {
        0 => Err(Rejection::Broken),
        pixels if pixels > MAX_PIXELS || width.max(height) > MAX_SIDE => Err(Rejection::TooManyPixels),
        _ => Ok(()),
    }
}

/// A PDF begins with the file and has its end where readers look for it. What it does by itself when it is opened is refused
/// where it is written in the open; inside compressed parts nobody looks here.
fn inspect_pdf(bytes: &[u8]) -> Result<(), Rejection> {
    let tail = bytes.get(bytes.len().saturating_sub(HEAD)..).unwrap_or(bytes);
    if !bytes.starts_with(b"%PDF-") || !has_any(tail, &["%%EOF"]) {
        return Err(Rejection::Broken);
    }
    if has_any(head(bytes), &["<html", "<!doctype", "<svg"]) {
        return Err(Rejection::HasMore);
    }
    if has_any(bytes, &["/javascript", "/launch"]) { Err(Rejection::HasScript) } else { Ok(()) }
}

/// Whether one of `words`, which are in lower case, is in `bytes`, in whatever case.
fn has_any(bytes: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| {
        let word = word.as_bytes();
        bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
    })
}

/// Whether it can be unpacked as ZIP, wherever that begins: such an archive is found by its last record, which says how
/// many bytes of comment follow it.
fn is_archive(bytes: &[u8]) -> bool {
    const RECORD: usize = 22;
    const MAX_COMMENT: usize = 65_535;
    let tail = bytes.get(bytes.len().saturating_sub(RECORD + MAX_COMMENT)..).unwrap_or(bytes);
    tail.windows(RECORD).enumerate().any(|(at, record)| {
        let comment = match record {
            [b'P', b'K', 5, 6, .., low, high] => usize::from(u16::from_le_bytes([*low, *high])),
            _ => return false,
        };
        at + RECORD + comment == tail.len()
    })
}
