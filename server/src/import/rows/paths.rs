//! Dotted column names (`properties.main_model`) as a tree to walk nested values with.

/// A step into nested values.
#[derive(Debug, Default)]
pub(super) struct Node {
    children: Vec<(String, Node)>,
    /// The columns that end here.
    pub(super) columns: Vec<usize>,
}

impl Node {
    pub(super) fn new(columns: &[String]) -> Self {
        let mut root = Self::default();
        for (column, path) in columns.iter().enumerate() {
            let mut node = &mut root;
            for step in path.split('.') {
                node = node.child_or_insert(step);
            }
            node.columns.push(column);
        }
        root
    }

    fn child_or_insert(&mut self, step: &str) -> &mut Self {
        let at = self.children.iter().position(|(name, _)| name == step).unwrap_or_else(|| {
            self.children.push((step.to_owned(), Self::default()));
            self.children.len() - 1
        });
        &mut self.children[at].1
    }

    /// Where a member leads. Its name may have dots of its own: a column `usage.input` is a member `input` of
    /// `usage`, or one member that is named so.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        let step = |node: &'_ Self, step: &str| node.children.iter().position(|(name, _)| name == step);
        name.split('.').try_fold(self, |node, name| step(node, name).map(|at| &node.children[at].1))
    }

    /// Whether columns lie below.
    pub(super) fn is_branch(&self) -> bool {
        !self.children.is_empty()
    }
}

/// The values of one row by column; buffers are kept from row to row.
#[derive(Debug, Default)]
pub(super) struct Cells(Vec<(bool, String)>);

impl Cells {
    pub(super) fn bind(&mut self, columns: usize) {
        self.0 = vec![(false, String::new()); columns];
    }

    pub(super) fn clear(&mut self) {
        for (present, text) in &mut self.0 {
            *present = false;
            text.clear();
        }
    }

    /// The buffer of a column, which counts as present from now on.
    pub(super) fn set(&mut self, column: usize) -> &mut String {
        let (present, text) = &mut self.0[column];
        *present = true;
        text.clear();
        text
    }

    pub(super) fn get(&self, column: usize) -> Option<&str> {
        self.0.get(column).filter(|(present, _)| *present).map(|(_, text)| text.as_str())
    }
}
