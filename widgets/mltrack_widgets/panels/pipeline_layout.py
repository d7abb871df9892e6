"""Where the steps of a pipeline stand when they are drawn: in layers, with as few crossings as a few passes find.

Places are in units of a layer and a box, so that the page may draw the layers beside or below each other. The method
is that of Sugiyama, Tagawa and Toda (1981): layers by longest way, invisible steps where a line passes a layer, and
the order within layers by the mean place of the neighbours.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mltrack.pipelines.graph import Graph

_PASSES = 4
_THIN = 0.3  # of a box: the room that a passing line takes
_Node = tuple[str, int]  # a step's name and 0, or for a line that passes: the name of its end and its layer
_Edge = tuple[str, str]


class Layout(NamedTuple):
    """Where steps stand, and the places that the lines between them pass.

    Each is a layer and, in boxes, how far the middle is from the edge; the widest layer has ``lanes`` boxes.
    """

    places: Mapping[str, tuple[int, float]]
    lines: Sequence[tuple[_Edge, Sequence[tuple[int, float]]]]
    layers: int
    lanes: float

    def to_page(self) -> dict[str, Any]:
        """Give it as the page takes it."""
        nodes = [{"name": name, "layer": layer, "lane": lane} for name, (layer, lane) in self.places.items()]
        lines = [{"from": edge[0], "to": edge[1], "points": list(points)} for edge, points in self.lines]
        return {"nodes": nodes, "lines": lines, "layers": self.layers, "lanes": self.lanes}


def layout_of(graph: Graph, names: Iterable[str]) -> Layout:
    """Place some steps of a graph, with the lines between them."""
    wanted = set(names)
    layers = [[(name, 0) for name in layer if name in wanted] for layer in graph.layers()]
    layers = [layer for layer in layers if layer]
    level = {node[0]: number for number, layer in enumerate(layers) for node in layer}
    edges = [(each, name) for name in graph.order if name in wanted for each in graph.before[name] if each in wanted]
    chains = {edge: _chain(edge, level, layers) for edge in edges}
    _order(layers, chains.values())
    widest = max((sum(map(_width, layer)) for layer in layers), default=0.0)
    places = {node: (number, at) for number, layer in enumerate(layers) for node, at in _middles(layer, widest)}
    steps = {name: places[(name, 0)] for name in graph.order if name in wanted}
    return Layout(
        steps, [(edge, [places[node] for node in chain]) for edge, chain in chains.items()], len(layers), widest
    )


def _width(node: _Node) -> float:
    return _THIN if "\0" in node[0] else 1.0


def _middles(layer: Sequence[_Node], widest: float) -> Iterator[tuple[_Node, float]]:
    edge = (widest - sum(map(_width, layer))) / 2
    for node in layer:
        yield node, edge + _width(node) / 2
        edge += _width(node)


def _chain(edge: _Edge, level: Mapping[str, int], layers: list[list[_Node]]) -> list[_Node]:
    """Give what a line passes from one step to another, with an invisible step in each layer between."""
    start, end = edge
    between = [(f"{start}\0{end}", number) for number in range(level[start] + 1, level[end])]
    for node in between:
        layers[node[1]].append(node)
    return [(start, 0), *between, (end, 0)]


def _order(layers: list[list[_Node]], chains: Iterable[Sequence[_Node]]) -> None:
    above: dict[_Node, list[_Node]] = {}
    below: dict[_Node, list[_Node]] = {}
    for chain in chains:
        for one, other in pairwise(chain):
            below.setdefault(one, []).append(other)
            above.setdefault(other, []).append(one)
    for _ in range(_PASSES):
        for number in range(1, len(layers)):
            _sort(layers, number, above)
        for number in range(len(layers) - 2, -1, -1):
            _sort(layers, number, below)


def _sort(layers: list[list[_Node]], number: int, neighbours: Mapping[_Node, list[_Node]]) -> None:
    """Sort a layer by the mean place of the neighbours; places count from the middle, as they are drawn."""
    at = {node: index - (len(layer) - 1) / 2 for layer in layers for index, node in enumerate(layer)}

    def mean(node: _Node) -> float:
        found = neighbours.get(node)
        return sum(at[each] for each in found) / len(found) if found else at[node]

    layers[number].sort(key=mean)
