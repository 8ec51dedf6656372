//! What a person may have meant.

/// `, did you mean …?` with the known name nearest to a word, or `, expected one of …` if none is near.
pub(super) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let distance = |name: &str| strsim::damerau_levenshtein(&plain(word), &plain(name));
    let nearest = known.iter().map(|name| (distance(name), *name)).min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((distance, name)) if distance <= (name.chars().count() / 3).max(1) => {
            format!(", did you mean `{name}`?")
        }
        _ => format!(", expected one of {}", known.join(", ")),
    }
}
