//! Which cells of a figure may not be shown: the lines that tie its cells, over all its panels.

use super::cells::{Cell, PanelCells};
use super::spec::StatisticName;
use crate::describe::{Line, suppress};
use rustc_hash::{FxHashMap, FxHashSet};

/// Marks cells with too few users and those that would give one away.
///
/// Every margin counts as known, whether or not this figure prints it: the sum of a series over positions that share no
/// user's session, and the sum of the series at a position. A share of a union of cells, such as planning and
/// understanding together, is tied to those cells. Relative changes need their first position.
pub(super) fn protect(panels: &mut [PanelCells], min_users: usize) {
    if min_users < 2 {
        return;
    }
    let mut first_of_panel = Vec::new();
    let mut users: Vec<Vec<u32>> = Vec::new();
    for panel in panels.iter() {
        first_of_panel.push(users.len());
        users.extend(panel.cells.iter().map(|cell| cell.users.clone()));
    }
    let mut lines: Vec<Line> = Vec::new();
    for (panel, &first) in panels.iter().zip(&first_of_panel) {
        lines.extend(margins(panel, first));
    }
    lines.extend(unions(panels, &first_of_panel));
    for (panel, &first) in panels.iter().zip(&first_of_panel).filter(|(panel, _)| !panel.spec.groups.is_empty()) {
        lines.extend(splits(panel, first));
        for (part, whole, rest) in small_rests(panel, min_users) {
            // a cell that nobody prints: the rest of a group without one that lies in it
            lines.push(Line::with_total([first + part, users.len()], first + whole));
            users.push(rest);
        }
    }
    let found = suppress(&users, &lines, min_users);
    for (panel, &first) in panels.iter_mut().zip(&first_of_panel) {
        for (at, cell) in panel.cells.iter_mut().enumerate() {
            cell.suppressed = found.has(first + at) || cell.has_small_part;
        }
        if panel.spec.change {
            let gone: Vec<usize> = panel
                .cells
                .iter()
                .filter(|cell| cell.position == 0 && cell.suppressed)
                .map(|cell| cell.series)
                .collect();
            panel.cells.iter_mut().filter(|cell| gone.contains(&cell.series)).for_each(|cell| cell.suppressed = true);
        }
        if let Some(mean) = &mut panel.mean {
            mean.suppressed = mean.users.len() < min_users;
        }
    }
}

/// Sums over positions for each series, and over series for each position.
fn margins(panel: &PanelCells, first: usize) -> Vec<Line> {
    let at = |wanted: &dyn Fn(&Cell) -> bool| -> Vec<usize> {
        (0..panel.cells.len()).filter(|cell| wanted(&panel.cells[*cell])).collect()
    };
    let mut lines = Vec::new();
    if panel.spec.groups.is_empty() {
        for series in 0..panel.series.len() {
            lines.push(at(&|cell| cell.series == series));
        }
    }
    // series that are conditions or levels add up; the same rows with another variable do not
    let adds_up: Vec<bool> = match panel.spec.series.as_slice() {
        [] => vec![panel.spec.each.is_some(); panel.series.len()],
        series => series.iter().map(|series| series.filter.is_some()).collect(),
    };
    if adds_up.iter().filter(|adds_up| **adds_up).count() > 1 {
        for position in 0..panel.positions.len() {
            lines.push(at(&|cell| cell.position == position && adds_up[cell.series]));
        }
    }
    lines.into_iter().map(|cells| Line::of_parts(cells.into_iter().map(|cell| first + cell))).collect()
}

/// Groups that are unions of another panel's positions, decided row by row.
fn unions(panels: &[PanelCells], first_of_panel: &[usize]) -> Vec<Line> {
    let mut lines = Vec::new();
    let is_distribution = |panel: &&PanelCells| {
        panel.spec.statistic == StatisticName::Distribution && panel.series.len() == 1 && panel.spec.bins.is_none()
    };
    let indexed = || panels.iter().zip(first_of_panel).filter(|(panel, _)| is_distribution(panel));
    for (whole, &first_whole) in indexed().filter(|(panel, _)| !panel.spec.groups.is_empty()) {
        for (parts, &first_part) in indexed().filter(|(panel, _)| panel.spec.groups.is_empty()) {
            for (at, group) in whole.cells.iter().enumerate() {
                let members: FxHashSet<u32> = group.rows.iter().copied().collect();
                let is_inside = |part: &Cell| part.rows.iter().all(|row| members.contains(row));
                let inside: Vec<usize> = (0..parts.cells.len()).filter(|&part| is_inside(&parts.cells[part])).collect();
                let rows: usize = inside.iter().map(|&part| parts.cells[part].n_rows).sum();
                if rows == group.n_rows && rows > 0 {
                    lines.push(Line::with_total(inside.into_iter().map(|part| first_part + part), first_whole + at));
                }
            }
        }
    }
    lines
}

/// Groups of one series that are the parts of another group, or of all groups together: the latter counts as known.
///
/// Parts are collected greedily from every group on, so that several ways to split a group are found.
fn splits(panel: &PanelCells, first: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for series in 0..panel.series.len() {
        let cells: Vec<usize> = (0..panel.cells.len()).filter(|at| panel.cells[*at].series == series).collect();
        let sets: Vec<FxHashSet<u32>> =
            cells.iter().map(|at| panel.cells[*at].rows.iter().copied().collect()).collect();
        let everything: FxHashSet<u32> = sets.iter().flatten().copied().collect();
        let wholes = sets.iter().enumerate().map(|(at, set)| (Some(at), set)).chain([(None, &everything)]);
        for (whole, set) in wholes {
            let inside: Vec<usize> = (0..sets.len())
                .filter(|part| Some(*part) != whole && !sets[*part].is_empty() && sets[*part].len() < set.len())
                .filter(|part| sets[*part].is_subset(set))
                .collect();
            for start in 0..inside.len() {
                let mut taken: FxHashSet<u32> = FxHashSet::default();
                let mut parts = Vec::new();
                for part in inside[start..].iter().chain(&inside[..start]) {
                    if sets[*part].is_disjoint(&taken) {
                        taken.extend(&sets[*part]);
                        parts.push(first + cells[*part]);
                    }
                }
                parts.sort_unstable();
                let line = match whole {
                    Some(whole) => Line::with_total(parts, first + cells[whole]),
                    None => Line::of_parts(parts),
                };
                if taken.len() == set.len() && !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    }
    lines
}

/// Pairs of a group and one that holds it where the rest has too few users: part, whole, users of the rest.
fn small_rests(panel: &PanelCells, min_users: usize) -> Vec<(usize, usize, Vec<u32>)> {
    let mut found = Vec::new();
    for (at, whole) in panel.cells.iter().enumerate() {
        let holds: FxHashSet<u32> = whole.rows.iter().copied().collect();
        for (part_at, part) in panel.cells.iter().enumerate() {
            let is_part = part.series == whole.series && !part.rows.is_empty() && part.n_rows < whole.n_rows;
            if !is_part || !part.rows.iter().all(|row| holds.contains(row)) {
                continue;
            }
            let inside: FxHashSet<u32> = part.rows.iter().copied().collect();
            let users = user_of_rows(whole);
            let mut rest: Vec<u32> = whole
                .rows
                .iter()
                .filter(|row| !inside.contains(row))
                .filter_map(|row| users.get(row).copied())
                .collect();
            rest.sort_unstable();
            rest.dedup();
            if !rest.is_empty() && rest.len() < min_users {
                found.push((part_at, at, rest));
            }
        }
    }
    found
}

/// The user of every row of a cell.
fn user_of_rows(cell: &Cell) -> FxHashMap<u32, u32> {
    cell.rows.iter().copied().zip(cell.row_users.iter().copied()).collect()
}
