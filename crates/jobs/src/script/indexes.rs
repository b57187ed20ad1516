//! The numbers of an array's tasks, as schedulers write them: `1-100`, `0,5-9:2`, `1-100%5`. They are never written
//! out as a whole.

/// The most tasks that an array may have: MaxArraySize of Slurm can't be larger, slurm.conf(5).
const TASKS_MAX: u64 = 4_000_001;

/// Numbers of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Indexes(Vec<Range>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u32,
    last: u32,
    step: u32,
}

impl Indexes {
    /// Reads what a scheduler or a script says; what stands behind `%` is how many of them may run at once.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let list = text.trim().trim_start_matches('[').trim_end_matches(']');
        let list = list.split('%').next().unwrap_or_default();
        let ranges = list.split(',').map(Range::parse).collect::<Option<Vec<_>>>()?;
        let own = Self(ranges);
        (own.total() <= TASKS_MAX).then_some(own)
    }

    /// How many there are.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(Range::count).sum()
    }

    /// Whether a task has this number.
    pub(crate) fn contains(&self, index: u32) -> bool {
        self.0.iter().any(|range| {
            (range.first..=range.last).contains(&index) && (index - range.first).is_multiple_of(range.step)
        })
    }

    /// Up to `limit` numbers behind `after`, the lowest first.
    pub(crate) fn page(&self, after: Option<u32>, limit: usize) -> Vec<u32> {
        let of_range = |range: Range| range.behind(after).take(limit);
        let mut page: Vec<u32> = self.0.iter().copied().flat_map(of_range).collect();
        page.sort_unstable();
        page.dedup();
        page.truncate(limit);
        page
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let (range, step) = text.split_once(':').unwrap_or((text, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let range = Self { first: first.parse().ok()?, last: last.parse().ok()?, step: step.parse().ok()? };
        (range.step > 0 && range.first <= range.last).then_some(range)
    }

    fn count(&self) -> u64 {
        u64::from((self.last - self.first) / self.step) + 1
    }

    fn behind(self, after: Option<u32>) -> impl Iterator<Item = u32> {
        let skipped = after
            .and_then(|after| after.checked_sub(self.first))
            .map_or(0, |distance| u64::from(distance / self.step) + 1);
        let (first, step) = (u64::from(self.first), u64::from(self.step));
        (skipped..self.count()).filter_map(move |at| u32::try_from(first + at * step).ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_schedulers_write_them() {
        let cases = [
            ("1-3", Some(vec![1, 2, 3])),
            ("0,5-9:2", Some(vec![0, 5, 7, 9])),
            ("[4-5%2]", Some(vec![4, 5])),
            ("9,1-2,2", Some(vec![1, 2, 9])),
            ("7", Some(vec![7])),
            ("3-1", None),
            ("1-3:0", None),
            ("", None),
            ("1-", None),
            ("1,...", None),
            ("0-99999999", None),
            ("x", None),
        ];
        for (text, expected) in cases {
            let page = Indexes::parse(text).map(|indexes| indexes.page(None, 100));
            assert_eq!(page, expected, "{text}");
        }
        let large = Indexes::parse("1-4000000").unwrap();
        assert_eq!((large.total(), large.page(Some(3_999_998), 9)), (4_000_000, vec![3_999_999, 4_000_000]));
        let odd = Indexes::parse("1-9:2").unwrap();
        assert!(odd.contains(9) && !odd.contains(8) && !odd.contains(0) && !odd.contains(11));
        assert_eq!(odd.page(Some(4), 2), [5, 7]);
    }

    proptest! {
        #[test]
        fn pages_hold_every_number_once(text in "[0-9]{1,2}(-[0-9]{1,2})?(:[0-9])?(,[0-9]{1,2}){0,2}", limit in 1_usize..9) {
            let Some(indexes) = Indexes::parse(&text) else { return Ok(()) };
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = indexes.page(after, limit);
                let Some(last) = page.last() else { break };
                after = Some(*last);
                seen.extend(page);
            }
            prop_assert_eq!(&seen, &indexes.page(None, 1000));
            prop_assert!(seen.iter().all(|index| indexes.contains(*index)));
        }
    }
}
