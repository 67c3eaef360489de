// SPDX-License-Identifier: Apache-2.0
//! A map of things that are remembered until there are too many: then the oldest gives way.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

pub(crate) struct Bounded<K, V> {
    most: usize,
    known: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Copy + Eq + Hash, V: Default> Bounded<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            known: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key)
    }

    pub(crate) fn entry(&mut self, key: K) -> &mut V {
        if !self.known.contains_key(&key) {
            if self.order.len() >= self.most {
                if let Some(oldest) = self.order.pop_front() {
                    self.known.remove(&oldest);
                }
            }
            self.order.push_back(key);
        }
        self.known.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way() {
        let mut map: Bounded<u8, u8> = Bounded::new(2);
        for key in [1, 2, 1, 3] {
            *map.entry(key) += 1;
        }
        let kept = [1, 2, 3].map(|key| map.get(&key).copied());
        assert_eq!(kept, [None, Some(1), Some(1)]);
    }
}
