//! The names on the disk: what the running system sees, and the changes that no directory sync has made durable.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Dir,
    /// A file, by the number of its content.
    File(u64),
}

#[derive(Clone, Debug)]
enum Change {
    Add(String, Node),
    Remove(String),
    /// Atomic, also across directories, as on every journalling file system; it survives even
    /// when the creation of the old name does not.
    Rename(String, String, Node),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    live: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pending: Vec<Change>,
}

impl Names {
    pub(super) fn get(&self, path: &str) -> Option<Node> {
        self.live.get(path).copied()
    }

    pub(super) fn has_dir(&self, path: &str) -> bool {
        path.is_empty() || self.get(path) == Some(Node::Dir)
    }

    pub(super) fn live(&self) -> impl Iterator<Item = (&str, Node)> {
        self.live.iter().map(|(path, &node)| (path.as_str(), node))
    }

    pub(super) fn add(&mut self, path: &str, node: Node) {
        self.change(Change::Add(path.into(), node));
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.change(Change::Remove(path.into()));
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if let Some(node) = self.get(from) {
            self.change(Change::Rename(from.into(), to.into(), node));
        }
    }

    /// Puts a name, or its absence, on the disk at once.
    pub(super) fn force(&mut self, path: &str, node: Option<Node>) {
        for names in [&mut self.live, &mut self.durable] {
            match node {
                Some(node) => names.insert(path.into(), node),
                None => names.remove(path),
            };
        }
    }

    pub(super) fn sync(&mut self, dir: &str) {
        for change in std::mem::take(&mut self.pending) {
            if change.paths().any(|path| parent(path) == dir) {
                change.apply(&mut self.durable);
            } else {
                self.pending.push(change);
            }
        }
    }

    pub(super) fn unsynced(&self) -> usize {
        self.pending.len()
    }

    /// What a power cut leaves, `kept` telling of each unsynced change in order whether it survives.
    pub(super) fn survivor(&self, mut kept: impl FnMut() -> bool) -> Self {
        let mut names = self.durable.clone();
        for change in &self.pending {
            if kept() {
                change.apply(&mut names);
            }
        }
        let all = names.clone();
        names.retain(|path, _| ancestors(path).all(|dir| all.get(dir) == Some(&Node::Dir)));
        Self { live: names.clone(), durable: names, pending: Vec::new() }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Add(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        let (first, second) = match self {
            Self::Add(path, _) | Self::Remove(path) => (path, None),
            Self::Rename(from, to, _) => (from, Some(to)),
        };
        std::iter::once(first).chain(second).map(String::as_str)
    }
}

/// The directory that `path` lies in; `""` is the root.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(parent(path)), |dir| Some(parent(dir))).take_while(|dir| !dir.is_empty())
}
