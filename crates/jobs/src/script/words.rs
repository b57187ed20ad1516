//! The words of a directive and where each stands, as its scheduler takes the line apart.

use std::ops::Range;

use super::Dialect;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    /// Where it stands in the line, in bytes, quotes included.
    pub(super) span: Range<usize>,
}

/// The words of the part of a directive behind its mark; `None` where a quote stays open.
///
/// sbatch(1) takes `#` outside of quotes for a comment, and a backslash inside of them for an order; qsub(1B) does
/// neither.
pub(super) fn split(text: &str, dialect: Dialect) -> Option<Vec<Word>> {
    let is_slurm = dialect == Dialect::Slurm;
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        if quote.is_none() && character.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        if quote.is_none() && is_slurm && character == '#' {
            break;
        }
        let word = word.get_or_insert_with(|| Word { text: String::new(), span: at..end });
        word.span.end = end;
        match character {
            '\\' if quote.is_none() || is_slurm => {
                let (at, escaped) = characters.next()?;
                word.text.push(escaped);
                word.span.end = at + escaped.len_utf8();
            }
            '\'' | '"' if quote.is_none() => quote = Some(character),
            other if quote == Some(other) => quote = None,
            other => word.text.push(other),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// A text as one word of a directive. `None` where no quotes can hold it.
pub(super) fn quote(text: &str, dialect: Dialect) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-:=/@,".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return Some(text.to_owned());
    }
    match dialect {
        Dialect::Slurm if text.contains(['\'', '\\']) => {
            Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
        }
        Dialect::Slurm => Some(format!("'{text}'")),
        Dialect::Pbs if !text.contains('\'') => Some(format!("'{text}'")),
        Dialect::Pbs if !text.contains('"') => Some(format!("\"{text}\"")),
        Dialect::Pbs => None,
        // Quoting fails on NUL alone, and nothing comes here with a control character.
        Dialect::Myksc => shlex::try_quote(text).ok().map(std::borrow::Cow::into_owned),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_end_where_the_scheduler_ends_them() {
        let texts = |text: &str, dialect| {
            let words = split(text, dialect);
            words.map(|words| words.into_iter().map(|word| word.text).collect::<Vec<_>>())
        };
        let cases = [
            (" -N 2 # two nodes", Dialect::Slurm, Some(vec!["-N", "2"])),
            (" --comment=\"a # b\\\" c\"#x", Dialect::Slurm, Some(vec!["--comment=a # b\" c"])),
            (" --container=x\\#y", Dialect::Slurm, Some(vec!["--container=x#y"])),
            (" -N '안녕 a'", Dialect::Slurm, Some(vec!["-N", "안녕 a"])),
            (" -N 'open", Dialect::Slurm, None),
            (" -N a#b 'c\\'", Dialect::Pbs, Some(vec!["-N", "a#b", "c\\"])),
            (" -v \"A='x,y'\"", Dialect::Pbs, Some(vec!["-v", "A='x,y'"])),
            (" -l select=1 \\", Dialect::Pbs, None),
            ("", Dialect::Pbs, Some(vec![])),
        ];
        for (text, dialect, expected) in cases {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(texts(text, dialect), expected, "{text}");
        }
        let spans: Vec<_> =
            split(" -J 'a b'  # c", Dialect::Slurm).unwrap().into_iter().map(|word| word.span).collect();
        assert_eq!(spans, [1..3, 4..9]);
    }

    proptest! {
        #[test]
        fn a_quoted_text_is_one_word_again(text in "[^\\p{C}]{1,20}") {
            for dialect in [Dialect::Slurm, Dialect::Pbs] {
                let Some(quoted) = quote(&text, dialect) else { continue };
                let words = split(&format!(" {quoted} x"), dialect).unwrap();
                prop_assert_eq!(&words[0].text, &text, "{}", quoted);
                prop_assert_eq!(words.len(), 2);
            }
        }
    }
}
