"""PURE: annotations' texts → values of a model's fields."""

import json
import math
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import models

from slas.openslo.documents import Documents
from slas.openslo.text import Node


def decoded(documents: Documents, form: "models.Field[Any, Any]", node: Node) -> Any:
    """The field's value; None, and noted, for a text that is none."""
    text = str(node.value)
    if isinstance(form, models.CharField | models.TextField):
        return text
    if form.null and text == "null":
        return None
    try:
        value = _parsed(form, text)
    except (ValueError, ArithmeticError, RecursionError):
        value = None
    if value is None or not _fits(form, value):
        what = form.get_internal_type().removesuffix("Field").removeprefix("Positive").lower()
        documents.wrong(node, "", f"“{text[:60]}” is no {what}.", 'Write it as "5" or "true".')
        return None
    return value


def _parsed(form: "models.Field[Any, Any]", text: str) -> Any:
    if isinstance(form, models.DateField):
        return date.fromisoformat(text)
    return Decimal(text) if isinstance(form, models.DecimalField) else json.loads(text)


def _fits(form: "models.Field[Any, Any]", value: Any) -> bool:
    """Whether the value is of the field's kind."""
    if isinstance(form, models.BooleanField):
        return isinstance(value, bool)
    if isinstance(form, models.IntegerField):
        return type(value) is int
    if isinstance(form, models.FloatField):
        return type(value) in {int, float} and abs(value) < math.inf
    if isinstance(form, models.DecimalField):
        return bool(value.is_finite())
    return True
