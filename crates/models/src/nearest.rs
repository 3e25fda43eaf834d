//! Suggestions for misspelt names.

/// The candidate that was probably meant by a misspelt name, if one is close enough.
///
/// ```
/// assert_eq!(drillmaster_models::nearest("roomcode", ["roomCode", "email"]), Some("roomCode"));
/// assert_eq!(drillmaster_models::nearest("zzz", ["roomCode", "email"]), None);
/// ```
pub fn nearest<'a>(name: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', '.', ':', ' '], "");
    let wanted = plain(name);
    let length = wanted.chars().count();
    // Names of such different lengths never reach the similarity below, and comparing them takes long.
    let is_similar_length = |candidate: &str| {
        let other = candidate.chars().count();
        length.max(other) * 6 <= length.min(other) * 10
    };
    among
        .into_iter()
        .filter_map(|candidate| {
            let plain = plain(candidate);
            let similarity = is_similar_length(&plain)
                .then(|| strsim::normalized_damerau_levenshtein(&wanted, &plain));
            similarity.map(|similarity| (similarity, candidate))
        })
        .filter(|(similarity, _)| *similarity >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
