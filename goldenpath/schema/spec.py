"""The whole contract as plain data: the content of a version's `contract.json`."""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer

from goldenpath.records import Frozen
from goldenpath.schema.fields import FieldSpec
from goldenpath.schema.targets import AnyTarget, plain_target

COLUMN_ROLES = ("key", "event_time", "weight")


class ContractSpec(Frozen):
    """The fields of a record, the target, and the roles of columns that the model does not see as they are.

    A role that no column has is left out of the file, so that a contract without roles keeps its hash.
    """

    fields: tuple[FieldSpec, ...]
    target: Annotated[AnyTarget, BeforeValidator(plain_target)]
    key: str = ""  # field that names whom a record is about
    event_time: str = ""  # field with the day on which it was true
    weight: str = ""  # column of the rows, no field: how many a row stands for

    @model_serializer(mode="wrap")
    def _without_empty_roles(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = dump(self)
        return {name: value for name, value in values.items() if name not in COLUMN_ROLES or value}

    @cached_property
    def hash(self) -> str:
        "sha256 (hex) of what is accepted, in which order; descriptions may be reworded without a new hash."
        accepted = self.model_dump(mode="json", exclude={"fields": {"__all__": {"description"}}})
        canonical = json.dumps(accepted, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def readable(self) -> tuple[FieldSpec, ...]:
        "Fields that features may be made of: all but the key, in order of definition."
        return tuple(field for field in self.fields if field.name != self.key)

    @cached_property
    def inputs(self) -> tuple[FieldSpec, ...]:
        "Fields that the model sees as they are, in order of definition."
        return tuple(field for field in self.readable if field.name != self.event_time)

    @cached_property
    def text_columns(self) -> tuple[str, ...]:
        "Columns that the model sees as text, in order of definition."
        return tuple(field.name for field in self.inputs if field.is_text)

    @cached_property
    def number_columns(self) -> tuple[str, ...]:
        "Columns that the model sees as float64, in order of definition."
        return tuple(field.name for field in self.inputs if not field.is_text)

    @cached_property
    def free_text(self) -> tuple[str, ...]:
        "Text columns with any number of levels, in order of definition."
        return tuple(field.name for field in self.inputs if field.kind == "text")

    @property
    def weight_field(self) -> FieldSpec:
        "The weight as a number column."
        return FieldSpec(name=self.weight, kind="number", lower=0, lower_open=True)
