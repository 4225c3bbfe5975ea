"""Every number of an alert's evidence, counted again in another way than it was gathered."""

from alerts.recount.comparing import Difference, Recount

__all__ = ["Difference", "Recount"]
