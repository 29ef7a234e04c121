//! Good files, and the same with something wrong, all made here.

use super::{super::FileType, Rejection, inspect};

const MOST: u64 = 1 << 20;

fn verdict(bytes: &[u8], kind: FileType) -> &'static str {
    inspect(bytes, kind, MOST).map_or_else(Rejection::name, |()| "accepted")
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], kind, data, &[0; 4]].concat()
}

fn ihdr(width: u32, height: u32) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat())
}

fn png_of(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    png_of(&[ihdr(width, height), chunk(b"IDAT", &[1, 2, 3]), chunk(b"IEND", &[])])
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &length[..], data].concat()
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let frame = [&[8], &height.to_be_bytes()[..], &width.to_be_bytes(), &[1, 1, 0x11, 0]].concat();
    [
        vec![0xff, 0xd8],
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xc0, &frame),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        vec![1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 0xff, 0xd9],
    ]
    .concat()
}

fn gif(screen: (u16, u16), frame: (u16, u16), frames: usize) -> Vec<u8> {
    let size = |(width, height): (u16, u16)| [width.to_le_bytes(), height.to_le_bytes()].concat();
    let frame = [&[0x2c, 0, 0, 0, 0][..], &size(frame), &[0, 2, 2, 0x4c, 1, 0]].concat();
    let head =
        [b"GIF89a", &size(screen)[..], &[0x80, 0, 0], &[0; 6], &[0x21, 0xfe, 2, b'h', b'i', 0]].concat();
    [head, frame.repeat(frames), vec![0x3b]].concat()
}

fn webp(width: u16, height: u16) -> Vec<u8> {
    let picture =
        [&[0, 0, 0, 0x9d, 1, 0x2a][..], &width.to_le_bytes(), &height.to_le_bytes(), &[0; 6]].concat();
    let length = u32::try_from(picture.len()).unwrap();
    [b"RIFF", &(length + 12).to_le_bytes()[..], b"WEBPVP8 ", &length.to_le_bytes(), &picture].concat()
}

/// With the bytes behind its first line by which others see that it is no text.
fn pdf(body: &str) -> Vec<u8> {
    [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", body.as_bytes(), b"\nstartxref\n9\n%%EOF\n"].concat()
}

/// An archive with nothing in it, which is all of its last record.
fn zip() -> Vec<u8> {
    [b"PK\x05\x06", &[0; 18][..]].concat()
}

fn exe() -> Vec<u8> {
    [b"MZ", &[0x90, 0, 3, 0, 0, 0, 4, 0][..], &[0; 120]].concat()
}

#[test]
fn what_is_what_it_says_is_accepted() {
    for (bytes, kind) in [
        (png(800, 600), FileType::Png),
        (jpeg(800, 600), FileType::Jpeg),
        // What telephones put behind a photograph.
        ([jpeg(800, 600), jpeg(200, 150)].concat(), FileType::Jpeg),
        (gif((40, 30), (40, 30), 3), FileType::Gif),
        (webp(800, 600), FileType::Webp),
        (pdf("1 0 obj << /Type /Catalog >> endobj"), FileType::Pdf),
        (b"%PDF-1.7 in plain letters\n%%EOF".to_vec(), FileType::Pdf),
        (b"BMW, MZ and ID3 are words too: 3 < 4\r\n".to_vec(), FileType::Text),
        ("หลอดไฟเสีย\n".into(), FileType::Text),
    ] {
        assert_eq!(verdict(&bytes, kind), "accepted", "{kind:?}");
    }
}

#[test]
fn what_is_something_else_is_refused_whatever_it_is_called() {
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let html = b"<!DOCTYPE html><p>hello".to_vec();
    let others = [
        exe(),
        svg,
        b"<?xml version='1.0'?><svg/>".to_vec(),
        b"\n hello <SVG onload=alert(1)>".to_vec(),
        html,
        b"#!/bin/sh\nrm -rf /\n".to_vec(),
        zip(),
        b"\x7fELF\x02\x01\x01\0".to_vec(),
        vec![0; 64],
        b"\xff\xfe\xff no UTF-8".to_vec(),
    ];
    for bytes in others {
        for kind in FileType::ALL {
            assert_eq!(verdict(&bytes, kind), "not_what_it_says", "{:?}", bytes.escape_ascii().to_string());
        }
    }
    let files = [png(8, 6), jpeg(8, 6), gif((4, 3), (4, 3), 1), webp(8, 6), pdf(""), b"words".to_vec()];
    let kinds = [FileType::Png, FileType::Jpeg, FileType::Gif, FileType::Webp, FileType::Pdf, FileType::Text];
    for (bytes, right) in files.iter().zip(kinds) {
        for kind in kinds.into_iter().filter(|kind| *kind != right) {
            assert_eq!(verdict(bytes, kind), "not_what_it_says", "{right:?} as {kind:?}");
        }
    }
}

#[test]
fn nothing_may_be_behind_a_picture() {
    for (bytes, kind) in [
        (png(8, 6), FileType::Png),
        (jpeg(8, 6), FileType::Jpeg),
        (gif((4, 3), (4, 3), 1), FileType::Gif),
        (webp(8, 6), FileType::Webp),
    ] {
        for more in [b"\0".to_vec(), zip(), b";alert(1)".to_vec(), exe(), png(1, 1), pdf("")] {
            let both = [bytes.clone(), more].concat();
            assert_eq!(verdict(&both, kind), "has_more", "{kind:?}");
        }
    }
}

#[test]
fn nothing_may_be_hidden_in_a_file() {
    let hidden = |comment: &[u8]| {
        png_of(&[ihdr(8, 6), chunk(b"IDAT", &[1]), chunk(b"tEXt", comment), chunk(b"IEND", &[])])
    };
    // The archive's comment is the rest of the picture: 4 bytes of checksum and the last chunk.
    let archive = [b"PK\x05\x06", &[0; 16][..], &16_u16.to_le_bytes()].concat();
    for (bytes, kind, expected) in [
        (hidden(&archive), FileType::Png, "has_more"),
        (hidden(b"<ScRiPt>alert(1)</script>"), FileType::Png, "has_script"),
        (hidden(b"<?php system($_GET[0]);"), FileType::Png, "has_script"),
        ([pdf(""), zip()].concat(), FileType::Pdf, "has_more"),
        (pdf("<html><body>"), FileType::Pdf, "has_more"),
        (pdf("<script>"), FileType::Pdf, "has_script"),
        (pdf("/OpenAction << /S /JavaScript /JS (app.alert(1)) >>"), FileType::Pdf, "has_script"),
        (pdf("/S /Launch"), FileType::Pdf, "has_script"),
        (b"hello <script>alert(1)</script>".to_vec(), FileType::Text, "has_script"),
    ] {
        assert_eq!(verdict(&bytes, kind), expected);
    }
}

#[test]
fn a_picture_that_would_take_all_memory_is_refused_by_its_head() {
    let moving = |frames| gif((4_000, 4_000), (4_000, 4_000), frames);
    for (bytes, kind, expected) in [
        (png(7_000, 7_000), FileType::Png, "accepted"),
        (png(65_000, 65_000), FileType::Png, "too_many_pixels"),
        (png(u32::MAX, u32::MAX), FileType::Png, "too_many_pixels"),
        (png(16_385, 1), FileType::Png, "too_many_pixels"),
        (png(0, 8), FileType::Png, "broken"),
        (jpeg(60_000, 60_000), FileType::Jpeg, "too_many_pixels"),
        ([jpeg(8, 6), jpeg(60_000, 60_000)].concat(), FileType::Jpeg, "too_many_pixels"),
        (gif((60_000, 60_000), (1, 1), 1), FileType::Gif, "too_many_pixels"),
        (gif((1, 1), (60_000, 60_000), 1), FileType::Gif, "too_many_pixels"),
        (moving(62), FileType::Gif, "accepted"),
        (moving(63), FileType::Gif, "too_many_pixels"),
        (webp(16_383, 16_383), FileType::Webp, "too_many_pixels"),
    ] {
        assert_eq!(verdict(&bytes, kind), expected);
    }
}

#[test]
fn what_is_not_whole_is_refused_wherever_it_breaks_off() {
    for (bytes, kind) in [
        (png(8, 6), FileType::Png),
        (jpeg(8, 6), FileType::Jpeg),
        (gif((4, 3), (4, 3), 1), FileType::Gif),
        (webp(8, 6), FileType::Webp),
        (pdf("1 0 obj"), FileType::Pdf),
    ] {
        for end in 0..bytes.len() - 1 {
            let verdict = verdict(&bytes[..end], kind);
            assert!(
                ["empty", "not_what_it_says", "broken"].contains(&verdict),
                "{kind:?} to {end}: {verdict}"
            );
        }
    }
    let no_picture = png_of(&[ihdr(8, 6), chunk(b"IEND", &[])]);
    assert_eq!(verdict(&no_picture, FileType::Png), "broken");
    let two_heads = png_of(&[ihdr(8, 6), ihdr(9, 9), chunk(b"IDAT", &[1]), chunk(b"IEND", &[])]);
    assert_eq!(verdict(&two_heads, FileType::Png), "broken");
}

#[test]
fn an_empty_file_and_one_that_is_too_large_are_refused() {
    assert_eq!(verdict(b"", FileType::Text), "empty");
    assert_eq!(inspect(b"hello", FileType::Text, 4), Err(Rejection::TooLarge));
    assert_eq!(inspect(b"hello", FileType::Text, 5), Ok(()));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_inspection_fail_otherwise(
        head in 0..6_usize,
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400),
        cut in 0..64_usize,
    ) {
        let files = [png(8, 6), jpeg(8, 6), gif((4, 3), (4, 3), 1), webp(8, 6), pdf(""), vec![]];
        let begun = &files[head][..cut.min(files[head].len())];
        let bytes = [begun, &bytes].concat();
        for kind in FileType::ALL {
            // Whatever is accepted is accepted as one thing only.
            let others = FileType::ALL.into_iter().filter(|other| *other != kind);
            if verdict(&bytes, kind) == "accepted" {
                proptest::prop_assert!(others.clone().all(|other| verdict(&bytes, other) != "accepted"));
            }
        }
    }
}
