"""Python source of a contract, laid out as the formatter would."""

from collections.abc import Sequence
from datetime import date

from goldenpath.adopt.fields import Proposal
from goldenpath.schema.fields import EXACT_INTEGER, FieldSpec, day
from goldenpath.schema.targets import AnyTarget, BinarySpec, ClassesSpec, QuantitySpec

WIDTH = 110
INDENT = "    "
_TYPES = {"number": "float", "integer": "int", "boolean": "bool", "date": "date", "text": "str"}


def quoted(text: str) -> str:
    "Write a text as a literal, in double quotes unless single ones need fewer escapes."
    body = repr(f"{text}'\"")[1:-4].replace("\\'", "'")  # both quotes in it: only the single ones are escaped
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + body.replace(quote, f"\\{quote}") + quote


def record_source(name: str, document: str, proposals: dict[str, Proposal]) -> str:
    "Define a class of records: one field for each column that is kept, by its name in Python."
    fields = [line for attribute, kept in proposals.items() for line in field_lines(attribute, kept)]
    return "\n".join([f"class {name}(Record):", f'{INDENT}"{document}"', "", *fields])


def field_lines(attribute: str, proposal: Proposal) -> list[str]:
    "One field, on as few lines as it fits on."
    field = proposal.field
    assert field is not None, f"{proposal.column} is left out"
    arguments = field_arguments(attribute, field)
    head, optional = f"{INDENT}{attribute}: ", " | None" * field.optional
    kind = f"Literal[{', '.join(map(quoted, field.levels))}]" if field.levels else _TYPES[field.kind]
    before = f"{head}{kind}{optional} = Field("
    if len(before) <= WIDTH:
        return call_lines(before, arguments, INDENT)
    levels = [f"{INDENT * 2}{quoted(level)}," for level in field.levels]
    return [f"{head}Literal[", *levels, *call_lines(f"{INDENT}]{optional} = Field(", arguments, INDENT)]


def call_lines(before: str, arguments: Sequence[str], indent: str) -> list[str]:
    "Write a call on one line, or its arguments on the next, or each on a line of its own."
    joined = ", ".join(arguments)
    if len(before) + len(joined) + 1 <= WIDTH:
        return [f"{before}{joined})"]
    inner = indent + INDENT
    if len(inner) + len(joined) <= WIDTH:
        return [before, f"{inner}{joined}", f"{indent})"]
    return [before, *(f"{inner}{argument}," for argument in arguments), f"{indent})"]


def field_arguments(attribute: str, field: FieldSpec) -> list[str]:
    "List the arguments of `Field`."
    arguments = ["None"] if field.optional else []
    if attribute != field.name:
        arguments.append(f"alias={quoted(field.name)}")
    if field.lower is not None and field.lower != -EXACT_INTEGER:
        arguments.append(f"ge={bound_source(field, field.lower)}")
    if field.upper is not None and field.upper != EXACT_INTEGER:
        arguments.append(f"le={bound_source(field, field.upper)}")
    if field.max_length is not None:
        arguments.append(f"max_length={field.max_length}")
    return [*arguments, f"description={quoted(field.description)}"]


def bound_source(field: FieldSpec, bound: float) -> str:
    "Write a bound: a date as a date, a whole number without a point."
    if field.kind == "date":
        moment: date = day(bound)
        return f"date({moment.year}, {moment.month}, {moment.day})"
    return str(int(bound)) if bound == int(bound) and abs(bound) < 1e15 else repr(bound)


def target_source(target: AnyTarget) -> list[str]:
    "Return the name of the target's class, and its arguments."
    column = f"column={quoted(target.column)}"
    if isinstance(target, BinarySpec):
        outcomes = [f"positive={quoted(target.positive)}", f"negative={quoted(target.negative)}"]
        return ["Binary", column, *outcomes, *_unknown(target.unknown)]
    if isinstance(target, ClassesSpec):
        return ["Classes", column, f"levels={texts(target.levels)}", *_unknown(target.unknown)]
    assert isinstance(target, QuantitySpec)
    return ["Quantity", column, f"unit={quoted(target.unit)}"]


def _unknown(outcomes: tuple[str, ...]) -> list[str]:
    return [f"unknown={texts(outcomes)}"] if outcomes else []


def texts(values: tuple[str, ...]) -> str:
    "Write a tuple of texts as a literal."
    return f"({', '.join(map(quoted, values))}{',' * (len(values) == 1)})"


def contract_source(name: str, target: AnyTarget, roles: dict[str, str]) -> str:
    "CONTRACT = Contract(...), with the roles that columns have."
    kind, *parts = target_source(target)
    call = call_lines(f"{INDENT}{kind}(", parts, INDENT)
    call[-1] += ","
    named = [f"{INDENT}{role}={quoted(column)}," for role, column in roles.items() if column]
    return "\n".join(["CONTRACT = Contract(", f"{INDENT}{name},", *call, *named, ")"])
