//! Which containers are open, one bit each.

/// As many levels as Go's `encoding/json` reads; it refuses the next one as soon as it opens.
const DEEPEST: usize = 10_000;
const WORD: usize = 64;

/// What a level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Object,
    Array,
}

/// The open containers, outermost first.
pub(super) struct Nesting {
    depth: usize,
    innermost: Container,
    /// One bit a level, set for an object.
    objects: [u64; DEEPEST.div_ceil(WORD)],
}

impl Default for Nesting {
    fn default() -> Self {
        Self { depth: 0, innermost: Container::Array, objects: [0; DEEPEST.div_ceil(WORD)] }
    }
}

impl Nesting {
    /// How many are open.
    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// What the innermost one is; meaningless where none is open.
    #[inline]
    pub(super) fn innermost(&self) -> Container {
        self.innermost
    }

    /// Opens one more, or says false where that would be too deep.
    #[inline]
    pub(super) fn open(&mut self, container: Container) -> bool {
        if self.depth == DEEPEST {
            return false;
        }
        if let Some(word) = self.objects.get_mut(self.depth / WORD) {
            let bit = 1 << (self.depth % WORD);
            match container {
                Container::Object => *word |= bit,
                Container::Array => *word &= !bit,
            }
        }
        self.depth += 1;
        self.innermost = container;
        true
    }

    /// Closes the innermost one.
    #[inline]
    pub(super) fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let outer = self.depth.saturating_sub(1);
        let word = self.objects.get(outer / WORD).copied().unwrap_or_default();
        self.innermost = if word >> (outer % WORD) & 1 == 1 { Container::Object } else { Container::Array };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_remembered_and_one_more_is_too_deep() {
        let kind = |level: usize| {
            if level.is_multiple_of(3) { Container::Object } else { Container::Array }
        };
        let mut nesting = Nesting::default();
        for level in 0..DEEPEST {
            assert!(nesting.open(kind(level)), "{level}");
        }
        assert!(!nesting.open(Container::Object));
        for level in (0..DEEPEST).rev() {
            assert_eq!((nesting.depth(), nesting.innermost()), (level + 1, kind(level)));
            nesting.close();
        }
        assert_eq!(nesting.depth(), 0);
    }

    #[test]
    fn a_level_that_is_used_again_forgets_what_it_was() {
        let mut nesting = Nesting::default();
        nesting.open(Container::Object);
        nesting.close();
        nesting.open(Container::Array);
        nesting.open(Container::Object);
        nesting.close();
        assert_eq!(nesting.innermost(), Container::Array);
    }
}
