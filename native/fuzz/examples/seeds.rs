// SPDX-License-Identifier: Apache-2.0
//! Write what fuzzing begins with: `seeds FOLDER` makes a folder for each target in it.

use std::io;
use std::path::Path;

use netsonde_fuzz::{seeds, TARGETS};

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    for target in TARGETS {
        let folder = Path::new(&folder).join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds::of(target.name).iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
