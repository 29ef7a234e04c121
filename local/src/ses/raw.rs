//! What is read from a raw message.

/// A header of a raw message, its folded lines joined.
pub(super) fn header(raw: &str, name: &str) -> Option<String> {
    let mut found: Option<String> = None;
    for line in raw.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some(value) = &mut found {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if found.is_some() {
            break;
        } else if let Some((key, value)) = line.split_once(':')
            && key.eq_ignore_ascii_case(name)
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

/// The addresses of a list.
pub(super) fn addresses(list: &str) -> Vec<String> {
    list.split(',').map(|address| address.trim().to_owned()).filter(|address| !address.is_empty()).collect()
}
