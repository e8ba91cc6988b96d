//! A search for a text in all columns of a database.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// The column of each value that contains a text, once for each.
pub(super) fn places(records: &Connection, text: &str) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = records.prepare(sql).expect("every database has it");
    let names = tables.query_map([], |row| row.get(0)).expect("it can be read");
    let names = names.collect::<Result<Vec<String>, _>>().expect("tables have names");
    names.iter().flat_map(|table| places_in(records, table, text)).collect()
}

fn places_in(records: &Connection, table: &str, text: &str) -> Vec<String> {
    let mut all = records.prepare(&format!("SELECT * FROM {table}")).expect("it is there");
    let columns: Vec<String> = all.column_names().map(|name| format!("{table}.{name}")).collect();
    let mut rows = all.query([]).expect("it can be read");
    let mut places = Vec::new();
    while let Some(row) = rows.next().expect("it can be read") {
        for (index, column) in columns.iter().enumerate() {
            let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) =
                row.get_ref(index).expect("every row has all columns")
            else {
                continue;
            };
            if bytes.windows(text.len()).any(|here| here == text.as_bytes()) {
                places.push(column.clone());
            }
        }
    }
    places
}
