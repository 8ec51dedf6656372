//! What a person may have meant.

/// `, did you mean …` with the candidate that is nearest to a word, or `, expected one of …` if none is near.
pub(super) fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<_> = candidates.into_iter().collect();
    match nearest(word, candidates.iter().copied()) {
        Some(near) => format!(", did you mean `{near}`?"),
        None if candidates.is_empty() => String::new(),
        None => format!(", expected one of {}", candidates.join(", ")),
    }
}

/// The candidate that a few typing errors separate from a word.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| {
            let other = plain(candidate);
            let distance = strsim::damerau_levenshtein(&word, &other);
            // Half of a word typed already says as much as a word with a typing error in it.
            let starts = word.len() >= 3 && (other.starts_with(&word) || word.starts_with(&other));
            (if starts { distance.min(1) } else { distance }, distance, candidate)
        })
        .filter(|(errors, _, candidate)| *errors <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(errors, distance, _)| (*errors, *distance))
        .map(|(_, _, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_are_recognised_and_strangers_are_not() {
        let known = ["burn-detector", "market-detector", "trading-bot"];
        assert_eq!(nearest("burn-detecter", known), Some("burn-detector"));
        assert_eq!(nearest("burn_detector", known), Some("burn-detector"));
        assert_eq!(nearest("burn", known), Some("burn-detector"));
        assert_eq!(nearest("restart", ["restart_pause", "restarts"]), Some("restarts"));
        assert_eq!(nearest("weather", known), None);
        assert_eq!(hint("weather", ["a", "b"]), ", expected one of a, b");
        assert_eq!(hint("weather", []), "");
    }
}
