"""Admin of the promises, one file a concern."""

from slas.admin import promises, slos, verdicts

__all__ = ["promises", "slos", "verdicts"]
