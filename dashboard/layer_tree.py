"""The tree of modules as elements: what each is, which are alike, and what is wrong with some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dashboard.markup import Element, element
from dashboard.verdicts import ICONS
from dashboard.wording import count, words
from diagnostics.finding import SEVERITIES
from diagnostics.module_tree import ROOT_NAME, Module, ModuleTree

if TYPE_CHECKING:
    from diagnostics.doctor import Examination
    from diagnostics.finding import Finding

MOST_OPEN = 40  # modules: of more than that the tree is closed at first
LEAST_DEAD = 0.01  # share of dead units that is worth a word
TIMES = "\N{MULTIPLICATION SIGN}"
Signs = dict[str, list[Element]]


def layer_tree(tree: ModuleTree) -> Element:
    """Closed where it is long; the browser opens, filters and chooses."""
    opened = len(tree.modules) <= MOST_OPEN
    items = _items(tree, -1, level=1, opened=opened)
    return element("ul", "tree", *items, role="tree", **{"aria-label": "Modules"})


def _items(tree: ModuleTree, parent: int, *, level: int, opened: bool) -> list[Element]:
    return [_item(tree, place, level=level, opened=opened) for place in tree.inside.get(parent, ())]


def _item(tree: ModuleTree, place: int, *, level: int, opened: bool) -> Element:
    module, inside = tree.modules[place], tree.inside.get(place, ())
    told = {"role": "treeitem", "tabindex": "-1", "data-layer": module.path or ROOT_NAME}
    told |= {"aria-level": str(level), "aria-selected": "false"}
    told |= {"aria-expanded": str(opened).lower()} if inside else {}
    told |= {} if module.module_type else {"data-only": "contains"}
    row = element(
        "span",
        "row",
        element("span", "twig"),
        element("span", "name", module.name),
        element("span", "kind", _kind(tree, place)),
        element("span", "signs"),
        title=_in_full(module),
    )
    group = _items(tree, place, level=level + 1, opened=opened)
    return element(
        "li", "", row, element("ul", "", *group, role="group") if group else None, **told
    )


def _kind(tree: ModuleTree, place: int) -> str:
    """What it is; of one that only contains others, what these are."""
    module, inside = tree.modules[place], tree.inside.get(place, ())
    if module.module_type:
        shape = module.shapes[0].partition(" ")[2] if module.shapes else ""
        return f"{module.module_type} {shape.replace('x', TIMES)}".strip()
    if module.like:
        return f"like {module.like.rpartition('.')[2]}"
    if len(inside) > 1 and all(tree.modules[each].like for each in inside[1:]):
        kind = tree.modules[inside[0]].module_type
        return f"{len(inside)} {TIMES} {kind}" if kind else f"{len(inside)} alike"
    return f"{len(inside)} inside"


def _in_full(module: Module) -> str:
    """Under the pointer."""
    lines = [module.path or ROOT_NAME, module.module_type, *module.shapes]
    lines.append(count(module.size, "parameter") if module.size else "")
    return "\n".join(line for line in lines if line)


def layer_signs(
    tree: ModuleTree, examination: Examination | None, dead: Mapping[str, float]
) -> Signs:
    """Of each module that there is something to say of: the worst verdict, frozen, dead units."""
    verdicts = _worst(tree, examination)
    found: Signs = {}
    for module in tree.modules:
        signs = [_verdict(verdicts[module.path])] if module.path in verdicts else []
        if module.size and module.frozen:
            signs.append(_frozen(module))
        if dead.get(module.path, 0.0) >= LEAST_DEAD:
            share = f"{dead[module.path]:.0%}"
            signs.append(element("span", "sign dead", f"dead {share}", title=f"{share} dead units"))
        if signs:
            found[module.path or ROOT_NAME] = signs
    return found


def _worst(tree: ModuleTree, examination: Examination | None) -> dict[str, Finding]:
    """Of each module, and of those it is in, the worst finding that names it or its tensors."""
    known = {module.path for module in tree.modules}
    found: dict[str, Finding] = {}
    told = (*examination.findings, *examination.hints) if examination else ()
    for finding in sorted(told, key=lambda each: SEVERITIES.index(each.severity)):
        for name in finding.layers:
            for path in _upwards(name):
                if path in known:
                    found.setdefault(path, finding)
    return found


def _upwards(name: str) -> list[str]:
    """A module's path, or a tensor's name, and all that it is inside of."""
    parts = name.partition("[")[0].split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)] + (
        [""] if name == ROOT_NAME else []
    )


def _verdict(finding: Finding) -> Element:
    told = words(finding.disease)
    icon = ICONS[finding.severity]
    label = {"aria-label": f"{finding.severity}: {told}"}
    return element("span", f"sign {finding.severity}", icon, title=told, role="img", **label)


def _frozen(module: Module) -> Element:
    whole = module.frozen == module.size
    told = f"{module.frozen:,} of {count(module.size, 'parameter')} are not trained"
    return element("span", "sign frozen", "frozen" if whole else "part frozen", title=told)
