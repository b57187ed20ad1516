//! How many columns of a terminal a text takes.

/// Ranges of Unicode's East Asian Width `W` and `F` (UAX #11), of the blocks that names and titles are made of.
const WIDE: [(char, char); 11] = [
    ('\u{1100}', '\u{115f}'), // leading consonants of decomposed Hangul
    ('\u{2e80}', '\u{303e}'),
    ('\u{3041}', '\u{33ff}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{a4cf}'),
    ('\u{a960}', '\u{a97f}'),
    ('\u{ac00}', '\u{d7a3}'), // Hangul syllables
    ('\u{f900}', '\u{faff}'),
    ('\u{ff01}', '\u{ff60}'),
    ('\u{1f300}', '\u{1faff}'),
    ('\u{20000}', '\u{3fffd}'),
];

/// What is drawn onto the character before it.
const COMBINING: [(char, char); 6] = [
    ('\u{300}', '\u{36f}'),
    ('\u{1160}', '\u{11ff}'), // vowels and final consonants of decomposed Hangul
    ('\u{200b}', '\u{200f}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{d7b0}', '\u{d7ff}'),
    ('\u{fe00}', '\u{fe0f}'),
];

/// Columns of a text without control characters.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(c: char) -> usize {
    let is_in = |ranges: &[(char, char)]| ranges.iter().any(|&(first, last)| (first..=last).contains(&c));
    match c {
        ' '..='~' => 1,
        _ if is_in(&COMBINING) => 0,
        _ if is_in(&WIDE) => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn korean_takes_two_columns_a_syllable_composed_or_not() {
        let decomposed = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}";
        let cases = [
            ("abc", 3),
            ("한글", 4),
            (decomposed, 4),
            ("결과-1.csv", 10),
            ("e\u{301}", 1),
            ("漢字", 4),
            ("", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(columns(text), expected, "{text}");
        }
    }
}
