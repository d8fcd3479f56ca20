"""Groups of a search: parts that stand between two parentheses, and what they mean together."""

from dataclasses import dataclass, field

from newsreel.model.query import And, Node, Not, Or


@dataclass(slots=True)
class Group:
    """What stands between two parentheses: alternatives, all of which must match."""

    name: str | None = None
    is_negated: bool = False
    parts: list[list[Node]] = field(default_factory=list)
    is_or_pending: bool = False

    def add(self, node: Node | None) -> None:
        """Add a part, beside the one before it where an ``OR`` stands between them."""
        if node is not None and self.is_or_pending:
            self.parts[-1].append(node)
        elif node is not None:
            self.parts.append([node])
        self.is_or_pending = False

    def node(self) -> Node | None:
        """Return what the parts mean together; None: there are none."""
        nodes = [_any_of(part) for part in self.parts]
        return _all_of(nodes) if nodes else None


def _any_of(nodes: list[Node]) -> Node:
    flat = [part for node in nodes for part in (node.parts if isinstance(node, Or) else (node,))]
    parts = tuple(dict.fromkeys(flat))
    return parts[0] if len(parts) == 1 else Or(parts)


def _all_of(nodes: list[Node]) -> Node:
    flat = [part for node in nodes for part in (node.parts if isinstance(node, And) else (node,))]
    parts = tuple(dict.fromkeys(flat))
    return parts[0] if len(parts) == 1 else And(parts)


def negated(node: Node | None) -> Node | None:
    """Return all but what a node means; None stays None."""
    if isinstance(node, Not):
        return node.part
    return None if node is None else Not(node)
