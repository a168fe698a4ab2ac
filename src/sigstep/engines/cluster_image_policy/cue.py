"""Hold JSON against a policy in CUE, as ``policy.Unify(document).Validate()`` does: the world is open.

A field that the document lacks and a reference that finds nothing are no failure; only what contradicts is. Sources:
the CUE language specification, and policy-controller, which validates without asking for concrete values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sigstep.engines.cluster_image_policy import cue_functions
from sigstep.engines.cluster_image_policy.cue_functions import TYPES, Check, Conflict, Incomplete, compare, kind_of
from sigstep.engines.cluster_image_policy.cue_parser import (
    Binary,
    Call,
    Items,
    Literal,
    Malformed,
    Name,
    Select,
    Struct,
    Unary,
    Unsupported,
    parse,
)
from sigstep.engines.cluster_image_policy.cue_values import (
    NULL,
    Data,
    Gathered,
    Open,
    Record,
    Scope,
    Sequence,
    Vertex,
    concrete,
    flat,
    options_of,
    plain,
)

_STEPS: Final = 50_000
_DEPTH: Final = 80
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "=~", "!~"})


def contradiction(policy: str, document: Any) -> str:
    """What in the document contradicts the policy; empty where nothing does.

    Args:
        policy: a text in CUE.
        document: JSON as plain dicts, lists and scalars.

    Raises:
        Unsupported: the policy uses what is not evaluated here.
    """
    try:
        root, imports = parse(policy)
        run = _Run(imports)
        top = Vertex([(root, ()), (Data(document), ())])
        run.validate(top, "", 0)
    except (Malformed, Conflict) as error:
        return str(error)[:300] or "it contradicts"
    except RecursionError:
        raise Unsupported("it nests too deep") from None
    return ""


class _Run:
    def __init__(self, imports: frozenset[str]) -> None:
        self._imports = imports
        self._steps = 0

    def validate(self, vertex: Vertex, path: str, depth: int) -> None:
        if depth > _DEPTH:
            raise Unsupported("it nests too deep")
        try:
            value = self.resolve(vertex)
        except Conflict as error:
            raise Conflict(f"{path or 'the document'}: {error}") from None
        below: Iterable[tuple[str, Vertex]] = ()
        if isinstance(value, Record):
            below = value.arcs.items()
        elif isinstance(value, Sequence):
            below = ((str(index), one) for index, one in enumerate(value.items))
        for name, one in list(below):
            self.validate(one, f"{path}.{name}" if path else name, depth + 1)

    def resolve(self, vertex: Vertex) -> Any:
        if vertex.value is not None:
            return vertex.value
        if vertex.forming:
            return Record(vertex.arcs, vertex.missed)
        if vertex.busy:
            raise Unsupported("a cycle of references")
        vertex.busy = True
        gathered = Gathered()
        self._gather(vertex.conjuncts, gathered)
        vertex.value = self._choose(vertex, gathered) if gathered.choices else self._combine(vertex, gathered)
        vertex.busy = False
        return vertex.value

    def _gather(self, conjuncts: list[tuple[Any, Scope]], into: Gathered) -> None:
        queue = list(conjuncts)
        while queue:
            self._step()
            expression, scope = queue.pop(0)
            if isinstance(expression, Data):
                self._gather_data(expression.value, into)
            elif isinstance(expression, Struct):
                if expression.fields or expression.conditions or not expression.embedded:
                    into.structs.append((expression, scope))
                elif len(expression.embedded) != 1:
                    raise Unsupported("several embedded values")
                else:
                    queue.append((expression.embedded[0], scope))
            elif isinstance(expression, Items):
                into.lists.append((expression, scope))
            elif isinstance(expression, Binary) and expression.operator == "&":
                queue += [(expression.left, scope), (expression.right, scope)]
            elif isinstance(expression, Binary) and expression.operator == "|":
                into.choices.append((expression, scope))
            else:
                try:
                    self._gather_value(self.operand(expression, scope), into)
                except Incomplete:
                    continue  # what cannot be known contradicts nothing

    def _gather_data(self, value: Any, into: Gathered) -> None:
        if isinstance(value, Mapping):
            into.records.append(value)
        elif isinstance(value, list | tuple):
            into.lists.append((list(value), ()))
        else:
            into.scalars.append(value)

    def _gather_value(self, value: Any, into: Gathered) -> None:
        if isinstance(value, Open):
            into.checks += value.checks
            if value.kinds is not None:
                into.narrow(value.kinds)
        elif isinstance(value, Record | Sequence):
            raise Unsupported("a reference to a struct or list as a value")
        else:
            into.scalars.append(None if value is NULL else value)

    def _combine(self, vertex: Vertex, found: Gathered) -> Any:
        shapes = [bool(found.scalars), bool(found.structs or found.records), bool(found.lists)]
        if sum(shapes) > 1:
            raise Conflict("values of different types")
        if found.scalars:
            first = found.scalars[0]
            if any(kind_of(one) != kind_of(first) or one != first for one in found.scalars):
                raise Conflict(f"conflicting values {' and '.join(repr(one)[:60] for one in found.scalars[:2])}")
            value: Any = first
        elif found.structs or found.records:
            value = self._record(vertex, found)
        elif found.lists:
            value = self._sequence(found)
        else:
            cue_functions.check_together(found.checks)
            return Open(found.kinds, found.checks)
        seen = plain(value)
        if found.kinds is not None and kind_of(seen) not in found.kinds:
            raise Conflict(f"a {kind_of(seen)} where {' or '.join(sorted(found.kinds))} is asked")
        for check in found.checks:
            check.hold(seen)
        return NULL if value is None else value

    def _record(self, vertex: Vertex, found: Gathered) -> Record:
        arcs = vertex.arcs
        for record in found.records:
            for label, one in record.items():
                arcs.setdefault(label, Vertex([])).conjuncts.append((Data(one), ()))
        vertex.forming = True
        for label, expression, inside in self._declared(vertex, found):
            if label in arcs:
                self._add(vertex, label, expression, inside)
        vertex.forming = False
        return Record(arcs, vertex.missed)

    def _declared(self, vertex: Vertex, found: Gathered) -> list[tuple[str, Any, Scope]]:
        """Add the fields of every struct and of every condition that holds; the optional ones are handed back."""
        optional: list[tuple[str, Any, Scope]] = []
        pending = [(struct, scope) for struct, scope in found.structs]
        while pending:
            self._step()
            struct, scope = pending.pop(0)
            if struct.embedded:
                raise Unsupported("embedded values beside fields")
            inside = (*scope, (struct, vertex))
            for one in struct.fields:
                if one.optional:
                    optional.append((one.label, one.value, inside))
                else:
                    self._add(vertex, one.label, one.value, inside)
            for condition in struct.conditions:
                try:
                    holds = concrete(self.operand(condition.condition, inside))
                except Incomplete:
                    continue
                if not isinstance(holds, bool):
                    raise Conflict("a condition is no bool")
                if holds:
                    pending.append((condition.body, inside))
        return optional

    def _add(self, vertex: Vertex, label: str, expression: Any, scope: Scope) -> None:
        arc = vertex.arcs.setdefault(label, Vertex([]))
        if arc.value is not None or arc.busy or label in vertex.missed:
            raise Unsupported("a condition that changes what it depends on")
        arc.conjuncts.append((expression, scope))

    def _sequence(self, found: Gathered) -> Sequence:
        length = max(len(one) if isinstance(one, list) else len(one.items) for one, _ in found.lists)
        items = [Vertex([]) for _ in range(length)]
        for one, scope in found.lists:
            given = [(Data(value)) for value in one] if isinstance(one, list) else list(one.items)
            rest = None if isinstance(one, list) else one.rest
            if len(given) < length and rest is None:
                raise Conflict(f"lists of {len(given)} and {length} items")
            for index, vertex in enumerate(items):
                vertex.conjuncts.append((given[index] if index < len(given) else rest, scope))
        return Sequence(items)

    def _choose(self, vertex: Vertex, found: Gathered) -> Any:
        """Alternatives that contradict fall away; one has to stay."""
        alternatives: list[tuple[list[tuple[Any, Scope]], bool]] = [([], True)]
        for choice, scope in found.choices:
            options = list(options_of(choice))
            marked = any(default for _, default in options)
            alternatives = [
                ([*taken, (one, scope)], default and (mark or not marked))
                for taken, default in alternatives
                for one, mark in options
            ]
            if len(alternatives) > 64:
                raise Unsupported("too many alternatives")
        chosen = {id(choice) for choice, _ in found.choices}
        others = [one for one in flat(vertex.conjuncts) if id(one[0]) not in chosen]
        left: list[tuple[Vertex, bool]] = []
        for taken, default in alternatives:
            trial = Vertex([*others, *taken])
            try:
                self.validate(trial, "", 0)
            except Conflict:
                continue
            left.append((trial, default))
        if not left:
            raise Conflict("no alternative fits")
        preferred = [one for one, default in left if default] or [one for one, _ in left]
        if len(preferred) == 1:
            vertex.arcs = preferred[0].arcs
            return preferred[0].value
        return Open(None, [])

    def operand(self, expression: Any, scope: Scope) -> Any:
        """The value of an expression: a scalar, or one of the three shapes."""
        self._step()
        if isinstance(expression, Literal):
            return NULL if expression.value is None else expression.value
        if isinstance(expression, Name):
            return self._named(expression.name, scope)
        if isinstance(expression, Select):
            return self._selected(expression, scope)
        if isinstance(expression, Call):
            return self._called(expression, scope)
        if isinstance(expression, Unary):
            return self._unary(expression, scope)
        if isinstance(expression, Binary):
            return self._binary(expression, scope)
        return self.resolve(Vertex([(expression, scope)]))

    def _named(self, name: str, scope: Scope) -> Any:
        for struct, vertex in reversed(scope):
            if struct.declares(name):
                if name not in vertex.arcs:  # an optional field that the document does not have
                    vertex.missed.add(name)
                    raise Incomplete
                return self.resolve(vertex.arcs[name])
        if name in TYPES:
            return Open(TYPES[name], [])
        if name in self._imports:
            raise Conflict(f"the package {name} is no value")
        raise Conflict(f"reference {name!r} not found")

    def _selected(self, expression: Select, scope: Scope) -> Any:
        package = expression.of
        if isinstance(package, Name) and package.name in self._imports and isinstance(expression.part, str):
            constant = cue_functions.constant(package.name, expression.part)
            return Open(frozenset({"string"}), [constant]) if isinstance(constant, Check) else constant
        of = self.operand(package, scope)
        part = expression.part if isinstance(expression.part, str) else self.operand(expression.part, scope)
        if isinstance(of, Open):
            raise Incomplete
        if isinstance(of, Record) and isinstance(part, str):
            if part not in of.arcs:
                of.missed.add(part)
                raise Incomplete
            return self.resolve(of.arcs[part])
        if isinstance(of, Sequence) and isinstance(part, int) and not isinstance(part, bool):
            if not 0 <= part < len(of.items):
                raise Conflict(f"index {part} is out of range")
            return self.resolve(of.items[part])
        if isinstance(part, Open):
            raise Incomplete
        raise Conflict("a selection from what has no such parts")

    def _called(self, expression: Call, scope: Scope) -> Any:
        function = expression.function
        if isinstance(function, Name):
            package, name = "", function.name
        elif isinstance(function, Select) and isinstance(function.of, Name) and isinstance(function.part, str):
            package, name = function.of.name, function.part
            if package not in self._imports:
                raise Conflict(f"reference {package!r} not found")
        else:
            raise Unsupported("a call of an expression")
        arguments = [concrete(self.operand(one, scope)) for one in expression.arguments]
        made = cue_functions.call(package, name, arguments)
        return Open(None, [made]) if isinstance(made, Check) else made

    def _unary(self, expression: Unary, scope: Scope) -> Any:
        operator = expression.operator
        if operator == "*":
            raise Unsupported("a default outside of alternatives")
        value = concrete(self.operand(expression.operand, scope))
        if operator in _COMPARISONS:
            return Open(cue_functions.bound_kinds(operator, value), [cue_functions.bound(operator, value)])
        if operator == "!" and isinstance(value, bool):
            return not value
        if operator in "-+" and kind_of(value) in ("int", "float"):
            return -value if operator == "-" else value
        raise Conflict(f"{operator} of a {kind_of(value)}")

    def _binary(self, expression: Binary, scope: Scope) -> Any:
        operator = expression.operator
        if operator in ("&", "|"):
            return self.resolve(Vertex([(expression, scope)]))
        left = concrete(self.operand(expression.left, scope))
        if operator in ("&&", "||"):
            if not isinstance(left, bool):
                raise Conflict(f"{operator} of a {kind_of(left)}")
            if left is (operator == "||"):
                return left
            right = concrete(self.operand(expression.right, scope))
            if not isinstance(right, bool):
                raise Conflict(f"{operator} of a {kind_of(right)}")
            return right
        right = concrete(self.operand(expression.right, scope))
        if operator in _COMPARISONS:
            return compare(operator, left, right)
        return cue_functions.arithmetic(operator, left, right)

    def _step(self) -> None:
        self._steps += 1
        if self._steps > _STEPS:
            raise Unsupported(f"it needs more than {_STEPS} steps")
