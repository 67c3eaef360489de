// SPDX-License-Identifier: Apache-2.0
//! The targets over what is known already: seeds, their beginnings, and what libFuzzer kept.

use std::path::Path;

use netsonde_fuzz::{run, seeds, TARGETS};
use proptest::prelude::*;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let files = std::fs::read_dir(folder).expect("each target has a corpus");
    files
        .map(|entry| {
            let path = entry.expect("a file of the corpus").path();
            std::fs::read(path).expect("the corpus can be read")
        })
        .collect()
}

#[test]
fn every_target_bears_its_corpus() {
    for target in TARGETS {
        let inputs = corpus(target.name);
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        inputs.iter().for_each(|input| run(target.name, input));
    }
}

#[test]
fn every_target_bears_its_seeds_and_their_beginnings() {
    for target in TARGETS {
        let seeds = seeds::of(target.name);
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for seed in seeds {
            run(target.name, &seed);
            for part in 1..8 {
                run(target.name, &seed[..seed.len() * part / 8]);
            }
        }
    }
}

proptest! {
    #[test]
    fn every_target_bears_anything(data in prop::collection::vec(any::<u8>(), 0..200)) {
        for target in TARGETS {
            run(target.name, &data);
        }
    }
}
