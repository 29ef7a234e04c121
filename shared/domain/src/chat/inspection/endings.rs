//! Where a picture ends: the parts of each format, walked from its first byte to its last. Nothing is unpacked.

/// Where a picture ends, and what its parts need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// The first byte that is not of it.
    pub at: usize,
    /// The pixels of its largest part.
    pub largest: u64,
    /// The pixels of all its parts together.
    pub pixels: u64,
}

impl End {
    const fn of_one(at: usize) -> Self {
        Self { at, largest: 0, pixels: 0 }
    }
}

/// A place in a file.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn expect(&mut self, wanted: &[u8]) -> Option<()> {
        (self.take(wanted.len())? == wanted).then_some(())
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn skip(&mut self, count: u32) -> Option<()> {
        self.take(usize::try_from(count).ok()?).map(|_| ())
    }
}

/// PNG: chunks from IHDR to IEND; of a moving one each picture is as large as the whole at most.
pub(super) fn png(bytes: &[u8]) -> Option<End> {
    let mut walk = Walk::new(bytes);
    walk.expect(b"\x89PNG\r\n\x1a\n")?;
    let (mut canvas, mut pictures, mut has_data) = (None, 1, false);
    loop {
        let length = u32::from_be_bytes(walk.array()?);
        let kind: [u8; 4] = walk.array()?;
        let data = walk.take(usize::try_from(length).ok()?)?;
        walk.skip(4)?; // its checksum
        match (&kind, canvas) {
            (b"IHDR", None) => {
                let (width, rest) = data.split_first_chunk()?;
                let (height, _) = rest.split_first_chunk()?;
                canvas = Some(u64::from(u32::from_be_bytes(*width)) * u64::from(u32::from_be_bytes(*height)));
            }
            // It is the first, and there is one.
            (b"IHDR", Some(_)) | (_, None) => return None,
            (b"IDAT", _) => has_data = true,
            (b"fcTL", _) => pictures += 1,
            (b"IEND", Some(canvas)) if has_data && length == 0 => {
                let pixels = canvas.saturating_mul(pictures);
                return Some(End { at: walk.at, largest: canvas, pixels });
            }
            (b"IEND", _) => return None,
            _ => {}
        }
    }
}

/// JPEG: segments from SOI to EOI; says where that ends.
pub(super) fn jpeg(bytes: &[u8]) -> Option<usize> {
    let mut walk = Walk::new(bytes);
    walk.expect(&[0xff, 0xd8])?;
    let mut has_picture = false;
    loop {
        if walk.byte()? != 0xff {
            return None;
        }
        let marker = loop {
            match walk.byte()? {
                0xff => {}
                marker => break marker,
            }
        };
        match marker {
            0xd9 => return has_picture.then_some(walk.at),
            0x00 | 0xd8 => return None,
            // Without a length.
            0x01 | 0xd0..=0xd7 => continue,
            _ => {}
        }
        let length = u16::from_be_bytes(walk.array()?).checked_sub(2)?;
        walk.skip(length.into())?;
        if marker == 0xda {
            has_picture = true;
            skip_scan(&mut walk)?;
        }
    }
}

/// The picture's own data, up to the next marker: in it a 0xff is followed by 0 or is a place to begin again.
fn skip_scan(walk: &mut Walk<'_>) -> Option<()> {
    loop {
        let rest = walk.bytes.get(walk.at..)?;
        let step = rest.iter().position(|byte| *byte == 0xff)?;
        match rest.get(step + 1)? {
            0x00 | 0xd0..=0xd7 => walk.at += step + 2,
            _ => {
                walk.at += step;
                return Some(());
            }
        }
    }
}

/// GIF: blocks up to the trailer. A picture of it may say that it is larger than the whole.
pub(super) fn gif(bytes: &[u8]) -> Option<End> {
    let mut walk = Walk::new(bytes);
    walk.take(6)?; // GIF87a, GIF89a
    let [.., flags, _, _] = walk.array::<7>()?;
    skip_colours(&mut walk, flags)?;
    let mut end = End::of_one(0);
    loop {
        match walk.byte()? {
            0x3b if end.pixels > 0 => return Some(End { at: walk.at, ..end }),
            0x21 => {
                walk.byte()?; // what it is about
            }
            0x2c => {
                let [_, _, _, _, w0, w1, h0, h1, flags] = walk.array::<9>()?;
                let side = |low, high| u64::from(u16::from_le_bytes([low, high]));
                let pixels = side(w0, w1) * side(h0, h1);
                end.largest = end.largest.max(pixels);
                end.pixels = end.pixels.saturating_add(pixels);
                skip_colours(&mut walk, flags)?;
                walk.byte()?; // how wide its codes are
            }
            _ => return None,
        }
        loop {
            match walk.byte()? {
                0 => break,
                length => walk.skip(length.into())?,
            }
        }
    }
}

fn skip_colours(walk: &mut Walk<'_>, flags: u8) -> Option<()> {
    match flags & 0x80 {
        0 => Some(()),
        _ => walk.skip(3 * (2 << (flags & 7))),
    }
}

/// WebP: chunks, as many as the head of the file says. A moving one says in each picture how large that is.
pub(super) fn webp(bytes: &[u8]) -> Option<End> {
    let mut walk = Walk::new(bytes);
    walk.expect(b"RIFF")?;
    let length = usize::try_from(u32::from_le_bytes(walk.array()?)).ok()?;
    walk.expect(b"WEBP")?;
    let at = length.checked_add(8)?;
    if at > bytes.len() {
        return None;
    }
    let (mut end, mut has_picture) = (End::of_one(at), false);
    while walk.at < at {
        let kind: [u8; 4] = walk.array()?;
        let length = u32::from_le_bytes(walk.array()?);
        let data = walk.take(usize::try_from(length).ok()?)?;
        walk.skip(length & 1)?; // chunks begin at even places
        match &kind {
            b"VP8 " | b"VP8L" => has_picture = true,
            b"ANMF" => {
                has_picture = true;
                let [w0, w1, w2, h0, h1, h2] = *data.get(6..)?.first_chunk()?;
                let side = |a, b, c| u64::from(u32::from_le_bytes([a, b, c, 0])) + 1;
                let pixels = side(w0, w1, w2) * side(h0, h1, h2);
                end.largest = end.largest.max(pixels);
                end.pixels = end.pixels.saturating_add(pixels);
            }
            _ => {}
        }
    }
    (has_picture && walk.at == at).then_some(end)
}
