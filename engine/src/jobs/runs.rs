//! How the jobs of a part lie in its rows.

use crate::error::Result;
use crate::limits::BLOCK_ROWS;
use crate::rows::EventRows;
use crate::schema::Dimension;

/// What rows are sorted by in segments, and counters in job runs, down to the job.
const ORDER: [Dimension; 4] = [Dimension::Workspace, Dimension::Tenant, Dimension::JobType, Dimension::JobId];

/// A job of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub(super) code: u32,
    /// All its rows are neighbours that agree in [`ORDER`].
    pub(super) whole: bool,
}

/// The jobs of a part that has so many, in the order of their first rows.
pub(super) fn read(rows: &dyn EventRows, jobs: usize) -> Result<Vec<First>> {
    let mut found: Vec<First> = Vec::new();
    if jobs == 0 {
        return Ok(found);
    }
    let mut places = vec![u32::MAX; jobs + 1];
    let mut columns: [Vec<u32>; ORDER.len()] = Default::default();
    let mut last = [0; ORDER.len()];
    for block in 0..rows.rows().div_ceil(BLOCK_ROWS) {
        for (dimension, column) in ORDER.into_iter().zip(&mut columns) {
            rows.codes(dimension, block, column)?;
        }
        let [workspaces, tenants, types, jobs] = &columns;
        for (((workspace, tenant), of_type), code) in workspaces.iter().zip(tenants).zip(types).zip(jobs) {
            let key = [*workspace, *tenant, *of_type, *code];
            if key == last {
                continue;
            }
            last = key;
            match places.get(*code as usize).and_then(|place| found.get_mut(*place as usize)) {
                _ if *code == 0 => {}
                Some(first) => first.whole = false,
                None => {
                    places[*code as usize] = u32::try_from(found.len()).expect("codes are 32 bits wide");
                    found.push(First { code: *code, whole: true });
                }
            }
        }
    }
    Ok(found)
}
