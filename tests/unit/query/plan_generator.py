# SPDX-License-Identifier: Apache-2.0
"""Random queries, as data: chains in which each step takes what the one before it gives.

What depends on the order of results comes only where the order is certain. Trails are certain until a step chooses
among equal items that came different ways.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from unit.query.generator import EDGE_IDS, KEYS, LABELS, NODE_IDS, SCALARS, Pick, pairs, some_pairs, value_test
from unit.query.naive import Step, Steps, Test

Chain: TypeAlias = list[Step]
FIXED = ["@CreatedAt", "@Revision"]
"""Keys at which every element has a number."""
TO_NODES = ["Out", "In", "Both"]
TO_EDGES = ["OutE", "InE", "BothE"]
TO_ENDS = ["OutV", "InV", "BothV"]


def _filter(pick: Pick) -> Step:
    name = pick(["Has", "Has", "Has", "HasEither", "HasKey", "HasNot", "HasId", "HasLabel"])
    if name == "HasId":
        return Step(name, plain=tuple(pick(NODE_IDS + EDGE_IDS) for _ in range(pick([1, 2]))))
    if name == "HasLabel":
        return Step(name, plain=tuple(pick(LABELS) for _ in range(pick([1, 2]))))
    return Step(name, pairs(pick)) if name in ("Has", "HasEither") else Step(name, plain=(pick(KEYS),))


def _across(pick: Pick) -> Chain:
    """Return steps from nodes to nodes over their edges."""
    there = Step(pick(TO_EDGES), some_pairs(pick))
    between = [_filter(pick)] if pick([True, False, False]) else []
    return [there, *between, Step(pick([*TO_ENDS, "OtherV", "OtherV", "OtherV"]))]


def _hop(pick: Pick) -> Chain:
    """Return steps from nodes to nodes, each item by itself."""
    way = pick(["move", "move", "filter", "across", "where"])
    if way == "move":
        return [Step(pick(TO_NODES), some_pairs(pick))]
    if way == "filter":
        return [_filter(pick)]
    return _across(pick) if way == "across" else [Step("Where", inner=(_question(pick, 0),))]


def _hops(pick: Pick) -> Chain:
    return [step for _ in range(pick([1, 1, 2])) for step in _hop(pick)]


def _question(pick: Pick, depth: int = 1) -> Chain:
    """Return steps that lead from a node somewhere, or nowhere."""
    way = pick(["hops", "hops", "filter", "count", "values", *(["both", "simple"] if depth else [])])
    if way == "filter":
        return [_filter(pick)]
    if way == "count":
        test = Test(pick(["Gt", "Lt", ""]), (pick([0, 1, 2]),))
        return [Step(pick([*TO_NODES, *TO_EDGES]), some_pairs(pick)), Step("Count"), Step("Is", tests=(test,))]
    if way == "values":
        return [Step(pick(TO_NODES)), Step("Values", plain=(pick(KEYS),)), Step("Is", tests=(value_test(pick),))]
    if way == "both":
        return [Step(pick(["And", "Or"]), inner=(_question(pick, 0), _question(pick, 0)))]
    if way == "simple":
        return [Step("Both"), Step("Both"), Step(pick(["SimplePath", "CyclicPath"]))]
    return [Step(pick(TO_NODES), some_pairs(pick))] if not depth else _hops(pick)


def _branching(pick: Pick) -> Step:
    """Return a step from nodes to nodes that is made of other chains."""
    one_of_many = ["Where", "Not", "And", "Or", "Union", "Coalesce", "Optional", "Choose", "Local"]
    name = pick([*one_of_many, "Repeat", "Repeat", "Repeat"])
    if name == "Repeat":
        return _repeat(pick)
    if name in ("Where", "Not"):
        return Step(name, inner=(_question(pick),))
    if name in ("And", "Or"):
        return Step(name, inner=tuple(_question(pick) for _ in range(pick([1, 2]))))
    if name == "Choose":
        return Step(name, inner=(_question(pick), _hops(pick), *([_hops(pick)] if pick([True, False]) else [])))
    return Step(name, inner=tuple(_hops(pick) for _ in range(1 if name in ("Optional", "Local") else pick([1, 2]))))


def _repeat(pick: Pick) -> Step:
    body = _hops(pick)
    once = pick([True, False, False])
    if once:
        body = [*body, Step("Dedup")]
    elif pick([True, False]):
        body = [*body, Step("SimplePath")]
    rounds = [Step("Loops"), Step("Is", tests=(Test(pick(["", "Gt"]), (pick([0, 1, 2]),)),))]
    if pick([True, False, False, False]):
        body = [Step("Where", inner=(rounds,)), *body]
    said = [Step("Until", inner=(pick([_question(pick, 0), rounds]),))] if pick([True, False]) else []
    if pick([True, False]):
        said.append(Step("Emit", inner=pick([(), (_question(pick, 0),)])))
    if not once or not said or pick([True, False]):
        said.append(Step("Times", plain=(pick([0, 1, 2, 2, 3]),)))
    leading = [pick([True, False]) for _ in said]
    return Step(
        "Repeat",
        inner=(body,),
        leading=tuple(step for step, first in zip(said, leading, strict=True) if first),
        modulators=tuple(step for step, first in zip(said, leading, strict=True) if not first),
    )


def _by(pick: Pick, *, direction: bool = False) -> Step:
    way: Sequence[Any] = pick([(), ("ASC",), ("DESC",)]) if direction else ()
    if pick([True, True, False]):
        return Step("By", plain=(pick(KEYS), *way))
    return Step("By", inner=([Step(pick([*TO_NODES, *TO_EDGES]), some_pairs(pick)), Step("Count")],), plain=tuple(way))


def _cut(pick: Pick, *, nodes: bool) -> Chain:
    """Return steps whose result depends on the order, after some that make the order certain."""
    order = [Step("Sort", plain=("@Revision",)), Step("Sort", plain=("@ID",))]
    if nodes and pick([True, False, False]):
        order.append(Step("Order", modulators=tuple(_by(pick, direction=True) for _ in range(pick([1, 2])))))
    elif pick([True, True, False]):
        order.append(Step("Sort", plain=(*pick([(), ("ASC",), ("DESC",)]), *pick([(pick(KEYS),), (pick(KEYS),), ()]))))
    cut = pick(["Limit", "Range", "Dedup", "Skip", "Tail", "Sample"])
    if cut == "Range":
        return [*order, Step(cut, plain=(pick(range(5)), pick(range(7))))]
    if cut == "Dedup":
        return [*order, Step(cut, plain=tuple(pick(KEYS) for _ in range(pick([1, 2]))))]
    return [*order, Step(cut, plain=(pick(range(7)),))]


def _formula(pick: Pick) -> str:
    numbers = [*(key for key in KEYS if key.isidentifier()), "2", "0.5", "1e3"]
    formula = pick(numbers)
    for _ in range(pick([1, 1, 2, 3])):
        other = pick([pick(numbers), f"-{pick(numbers)}", f"({pick(numbers)} + {pick(numbers)})"])
        formula = f"{formula} {pick(['+', '-', '*', '/', '%'])} {other}"
    return str(formula)


class _Query:
    """One query as it grows."""

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.steps: Chain = []
        self.nodes = True
        self.trails = True
        """Whether the way that led to each item is certain."""
        self.remembered = False

    def begin(self) -> None:
        name = self.pick(["V", "V", "V", "E"])
        ids = NODE_IDS if name == "V" else EDGE_IDS
        self.steps = [Step(name, plain=self.pick([(), (), (), (), (self.pick(ids),)]))]
        self.nodes = name == "V"

    def grow(self) -> None:
        name = self.pick(
            ["filter", "filter", "move", "move", "Dedup", "cut", "walk", "SubGraph", "G", "branch", "trail"]
        )
        if name == "filter":
            self.steps.append(_filter(self.pick))
        elif name == "move":
            self._move()
        elif name in ("Dedup", "cut"):
            self.steps += [Step("Dedup")] if name == "Dedup" else _cut(self.pick, nodes=self.nodes)
            self.trails = False
        elif name in ("SubGraph", "G"):
            self.steps += [Step(name, some_pairs(self.pick) if name == "SubGraph" else ()), Step("V")]
            self.nodes = self.trails = True
            self.remembered = self.remembered and name == "G"
        elif self.nodes:
            self._grow_from_nodes(name)

    def _move(self) -> None:
        name = self.pick([*TO_NODES, *TO_EDGES] if self.nodes else TO_ENDS)
        self.steps.append(Step(name, some_pairs(self.pick)))
        self.nodes = not name.endswith("E")

    def _grow_from_nodes(self, name: str) -> None:
        if name == "walk":
            walk = self.pick(["Descendants", "Ascendants", "Neighbors"])
            self.steps.append(Step(walk, plain=(self.pick(range(4)),)))
            self.trails = True
        elif name == "branch":
            self.branch()
        elif name == "names":
            self._names()
        elif self.trails:
            self.steps += self.pick([_across(self.pick), [Step("SimplePath")], [Step("CyclicPath")]])

    def branch(self) -> None:
        step = _branching(self.pick)
        if self.trails or not _looks_back(step):
            # Between two repetitions a modulator would belong to the first.
            self.steps += [*([Step("Identity")] if step.leading else []), step]
            self.trails = self.trails and not _forgets(step)

    def _names(self) -> None:
        if not self.remembered:
            self.steps.append(Step(self.pick(["As", "Aggregate"]), plain=("n",)))
            self.remembered = True
            return
        among = Step("Where", tests=(Test(self.pick(["Within", "Without"]), ("n",)),))
        self.steps += self.pick([[among], [among], [Step("Aggregate", plain=("n",))], [Step("Select", plain=("n",))]])
        self.trails = self.trails and self.steps[-1].name != "Select"

    def end(self) -> None:
        self.steps += self.pick([(), (), (), self._count(), self._values(), self._table(), self._last_of_trails()])

    def _count(self) -> Chain:
        name = self.pick(["Count", "Min", "Max", "Mean", "Fold"])
        return [Step(name, plain=(self.pick(FIXED),) if name in ("Min", "Max", "Mean") else ())]

    def _values(self) -> Chain:
        name = self.pick(
            ["Values", "ValueMap", "ValueMap", "ElementMap", "Properties", "Id", "Label", "Constant", "Math"]
        )
        if name == "Math":
            return [Step(name, plain=(_formula(self.pick),))]
        if name == "Constant":
            return [Step(name, plain=(self.pick(SCALARS),))]
        if name in ("ElementMap", "Id", "Label"):
            return [Step(name)]
        keys = self.pick([(self.pick(KEYS),), () if name != "Values" else ("Name",)])
        return [Step(name, plain=keys), *self.pick([(), (), (Step("Unfold"),)])]

    def _table(self) -> Chain:
        if not self.nodes:
            return [Step("GroupCount", plain=(self.pick(KEYS),))]
        name = self.pick(["GroupCount", "Group", "Project"])
        bys = tuple(_by(self.pick) for _ in range(1 if name == "GroupCount" else 2))
        if name == "Group":
            count = Step("By", inner=([Step("Count")],))
            return [Step(name, modulators=(bys[0], self.pick([count, Step("By", plain=(self.pick(KEYS),))])))]
        return [Step(name, plain=("a", "b", "c") if name == "Project" else (), modulators=bys)]

    def _last_of_trails(self) -> Chain:
        if not self.trails:
            return []
        by_name = Step("Path", modulators=(Step("By", plain=("Name",)),))
        return [self.pick([Step("Path"), Step("Tree"), by_name])]


def _looks_back(step: Step) -> bool:
    """Tell whether a step asks for the trails that items came with."""
    chains = [*step.inner, *(chain for by in (*step.leading, *step.modulators) for chain in by.inner)]
    return step.name in ("SimplePath", "CyclicPath", "OtherV") or any(_looks_back(s) for chain in chains for s in chain)


def _forgets(step: Step) -> bool:
    """Tell whether a step chooses among items that came different ways."""
    return step.name == "Dedup" or any(_forgets(one) for chain in step.inner for one in chain)


def query(pick: Pick) -> Steps:
    """Return steps of which each takes what the one before it gives."""
    made = _Query(pick)
    made.begin()
    if made.nodes and pick([True, False]):
        # Early, while there are items to branch with.
        made.branch()
    for _ in range(pick(range(4))):
        made.grow()
    made.end()
    return made.steps


def followed_query(pick: Pick) -> Steps:
    """Return filters and moves that end at nodes, which can be followed through levels."""
    made = _Query(pick)
    made.begin()
    for _ in range(pick(range(5))):
        if pick([True, False]):
            made.steps.append(_filter(pick))
        else:
            made._move()
    if not made.nodes:
        made.steps.append(Step(pick(TO_ENDS)))
    return made.steps


def standing_query(pick: Pick) -> Steps:
    """Return steps that can stand and end at nodes; most can be followed through levels."""
    steps = [*followed_query(pick)]
    if pick([False, False, True]):
        steps.append(_branching(pick))
    if pick([False, False, False, True]):
        steps.append(Step("Descendants", plain=(pick(range(4)),)))
    return steps
