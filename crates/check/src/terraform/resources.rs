//! The resource tree, from the root down.

use std::collections::BTreeMap;

use restapi::{PathPart, Resource, ResourceId, ResourcePath, RestApi};

use super::block::{Block, Seen};
use super::findings::at;
use super::front::{REST_API, Reader};
use super::graph::Link;

/// What a resource is a child of, or a method is of.
pub(super) enum Node<'a> {
    Root,
    Of(Block<'a>),
    Unseen,
}

impl<'a> Reader<'a> {
    /// Adds the root and every resource whose way up to it can be seen.
    pub(super) fn add_resources(&mut self, api: &mut RestApi) {
        let root = self.root_id();
        let address = self.api.address.clone();
        self.add_origin(&at(&["resources", "/"]), &address);
        api.resources.push(Resource {
            id: root,
            parent_id: None,
            path_part: None,
            path: ResourcePath::root(),
            methods: BTreeMap::new(),
        });
        for block in self.own(RESOURCE) {
            let Some(path) = self.path(&block, MAX_DEPTH) else {
                let place = at(&["resources", &block.instance.address]);
                let place = format!("{}/{place}", self.place);
                self.notes.unseen(
                    block.instance,
                    &place,
                    "where the resource stands in the tree, or what it is called",
                );
                continue;
            };
            self.add_origin(&at(&["resources", path.as_str()]), &block.instance.address);
            let id = block.text("id").known().and_then(|id| ResourceId::parse(id).ok());
            let (parent, part) = parent_and_part(&path);
            api.resources.push(Resource {
                id: id.unwrap_or_else(|| ResourceId::derived(&self.id, path.as_str())),
                parent_id: Some(self.id_at(&parent)),
                path_part: Some(part),
                path,
                methods: BTreeMap::new(),
            });
        }
    }

    /// The path of a resource. Several may have one path in a document; API Gateway refuses that itself.
    fn path(&self, block: &Block<'a>, depth: u8) -> Option<ResourcePath> {
        let depth = depth.checked_sub(1)?;
        let part = PathPart::parse(block.text("path_part").known()?);
        match self.node(block, "parent_id") {
            Node::Root => Some(ResourcePath::root().child(&part)),
            Node::Of(parent) => Some(self.path(&parent, depth)?.child(&part)),
            // The parent is made elsewhere; after apply the path is there as a whole.
            Node::Unseen => block.text("path").known().map(ResourcePath::of),
        }
    }

    /// The path of what `name` of `block` refers to: the root or a resource.
    pub(super) fn path_of(&self, block: &Block<'a>, name: &str) -> Option<ResourcePath> {
        match self.node(block, name) {
            Node::Root => Some(ResourcePath::root()),
            Node::Of(resource) => self.path(&resource, MAX_DEPTH),
            Node::Unseen => None,
        }
    }

    fn node(&self, block: &Block<'a>, name: &str) -> Node<'a> {
        if block.text(name) == Seen::Unset {
            return Node::Unseen;
        }
        let is_root = match self.graph.link_by(block, name, REST_API, "root_resource_id") {
            Link::To(api) => std::ptr::eq(api, self.api) && self.names_root(block, name),
            Link::Outside | Link::Unseen => false,
        };
        if is_root {
            return Node::Root;
        }
        match self.graph.link(block, name, RESOURCE) {
            Link::To(resource) => Node::Of(self.graph.block(resource)),
            Link::Outside | Link::Unseen => Node::Unseen,
        }
    }

    /// Whether the link to the API is one to its root: by value, or by a reference to that very attribute.
    fn names_root(&self, block: &Block<'a>, name: &str) -> bool {
        block.text(name).known().is_some()
            || self.graph.targets(block, name).iter().any(|target| target.is_attribute("root_resource_id"))
    }

    fn id_at(&self, path: &ResourcePath) -> ResourceId {
        if path == &ResourcePath::root() {
            self.root_id()
        } else {
            ResourceId::derived(&self.id, path.as_str())
        }
    }

    /// `place` in the API comes from `address`, in the working copy and in what is deployed of it.
    pub(super) fn add_origin(&mut self, place: &str, address: &str) {
        let place = format!("{}/{place}", self.place);
        self.notes.origins.add(place, address);
    }
}

fn parent_and_part(path: &ResourcePath) -> (ResourcePath, PathPart) {
    let (parent, part) = path.as_str().rsplit_once('/').unwrap_or_default();
    (ResourcePath::of(parent), PathPart::parse(part))
}

pub(super) const RESOURCE: &str = "aws_api_gateway_resource";

/// How deep a tree may be; API Gateway's own limit is lower. It also ends a tree that bites its tail.
const MAX_DEPTH: u8 = 64;
