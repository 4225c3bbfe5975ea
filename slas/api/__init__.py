"""The REST API of the promises, read-only."""

from slas.api.compliance import ComplianceView
from slas.api.objectives import ObjectivesView
from slas.api.series import ObjectiveSeriesView

__all__ = ["ComplianceView", "ObjectiveSeriesView", "ObjectivesView"]
