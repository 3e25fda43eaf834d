//! The figures of a crash test.

use std::time::Duration;

use super::process::{KillPoint, POINTS};

/// Counts of what happened.
#[derive(Debug, Default)]
pub(super) struct Stats {
    pub(super) rounds: usize,
    pub(super) rows: usize,
    /// Kills at a random time.
    pub(super) at_random: u32,
    /// Kills at named points, in the order of the points.
    pub(super) at_points: [u32; POINTS.len()],
    /// Half-written lines left in journals.
    pub(super) torn: usize,
    /// Writes that were ever in doubt.
    pub(super) doubts: usize,
    /// Writes in doubt that were resolved.
    pub(super) settled: usize,
    /// Rows that end in doubt.
    pub(super) in_doubt: usize,
    /// Rows in doubt that say when to check again.
    pub(super) timed: usize,
    /// Rows that end refused, failed or skipped.
    pub(super) undone: usize,
    pub(super) lost: usize,
    pub(super) doubled: usize,
    pub(super) wall: Duration,
}

impl Stats {
    pub(super) fn kills(&self) -> u32 {
        self.at_random + self.at_points.iter().sum::<u32>()
    }

    /// Counts a kill.
    pub(super) fn died(&mut self, death: KillPoint) {
        match death {
            KillPoint::At(point, _) => {
                let places = POINTS.iter().zip(&mut self.at_points);
                places.filter(|(name, _)| **name == point).for_each(|(_, times)| *times += 1);
            }
            KillPoint::After(_) | KillPoint::AtWork(_) | KillPoint::None => self.at_random += 1,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.rows += other.rows;
        self.at_random += other.at_random;
        for (own, more) in self.at_points.iter_mut().zip(other.at_points) {
            *own += more;
        }
        self.torn += other.torn;
        self.doubts += other.doubts;
        self.settled += other.settled;
        self.in_doubt += other.in_doubt;
        self.timed += other.timed;
        self.undone += other.undone;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.wall += other.wall;
    }

    fn cells(&self) -> Vec<String> {
        let points = self.at_points.iter().map(u32::to_string);
        let before = [self.kills(), self.at_random].map(|number| number.to_string());
        let after = [
            self.torn,
            self.rounds,
            self.rows,
            self.doubts,
            self.settled,
            self.in_doubt,
            self.timed,
            self.undone,
            self.lost,
            self.doubled,
        ];
        let wall = format!("{:.0} s", self.wall.as_secs_f64());
        before
            .into_iter()
            .chain(points)
            .chain(after.map(|number| number.to_string()))
            .chain([wall])
            .collect()
    }
}

/// The counts as a table with a column for each seed and build.
pub(super) fn table(lines: &[(String, Stats)]) -> String {
    let head = ["", "kills", "at random"].into_iter().chain(POINTS).chain([
        "torn lines",
        "rounds",
        "rows",
        "doubts",
        "settled",
        "in doubt",
        "and say when",
        "undone",
        "LOST",
        "DOUBLED",
        "wall time",
    ]);
    let mut columns: Vec<Vec<String>> = vec![head.map(str::to_owned).collect()];
    let column = |name: &str, stats: &Stats| {
        [name.to_owned()].into_iter().chain(stats.cells()).collect::<Vec<_>>()
    };
    columns.extend(lines.iter().map(|(name, stats)| column(name, stats)));
    let width =
        |cells: &Vec<String>| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = columns.iter().map(width).collect();
    // Figures are aligned to the right.
    let rows = (0..columns[0].len()).map(|row| {
        let name = format!("{:width$}", columns[0][row], width = widths[0]);
        let figures = columns
            .iter()
            .zip(&widths)
            .skip(1)
            .map(|(cells, width)| format!("  {:>width$}", cells[row]));
        name + figures.collect::<String>().as_str()
    });
    rows.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_column_for_each_torture() {
        let mut first = Stats { rounds: 1, rows: 200, ..Stats::default() };
        first.died(KillPoint::At("sent", 7));
        first.died(KillPoint::After(Duration::ZERO));
        let mut second = Stats { doubled: 3, ..Stats::default() };
        second.add(&first);
        let table = table(&[("sound 1".to_owned(), first), ("unsynced 1".to_owned(), second)]);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "              sound 1  unsynced 1");
        assert_eq!(lines[1], "kills               2           2");
        assert_eq!(lines[4], "sent                1           1");
        assert_eq!(lines[17], "DOUBLED             0           3");
    }
}
