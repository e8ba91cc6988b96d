//! Figures of all rounds, as a JSON line each and as a table of medians.

use std::collections::BTreeMap;

use serde_json::json;

/// Figures, in the order in which they were first measured.
#[derive(Default)]
pub struct Report {
    order: Vec<(String, String, &'static str)>,
    figures: BTreeMap<(String, String, &'static str), Vec<f64>>,
}

impl Report {
    /// Notes a figure of a row, measured with a binary.
    pub fn note(&mut self, binary: &str, row: &str, figure: &'static str, value: f64) {
        println!("{}", json!({ "binary": binary, "row": row, "figure": figure, "value": value }));
        let key = (row.to_owned(), binary.to_owned(), figure);
        if !self.figures.contains_key(&key) {
            self.order.push(key.clone());
        }
        self.figures.entry(key).or_default().push(value);
    }

    pub fn print(&self) {
        println!();
        let mut row_before = "";
        for key @ (row, binary, figure) in &self.order {
            let mut values = self.figures[key].clone();
            values.sort_by(f64::total_cmp);
            let median = values[values.len() / 2];
            let (least, most) = (values[0], values[values.len() - 1]);
            let name = if row == row_before { "" } else { row };
            row_before = row;
            println!(
                "{name:40} | {figure:36} | {median:10.3} | {least:.3} to {most:.3} | {binary}"
            );
        }
    }
}
