"""Ratings of single requests, and deployments: what people and releases did to the figures."""

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import Client, User
from metrics.models.facts import Complexity

MAX_CORRECTION, MAX_COMMENT = 10_000, 2_000
_UNRATED = models.Q(rated_at__isnull=True, component="", service_name="")
_RATED = models.Q(rated_at__isnull=False, client__isnull=False) & ~(
    models.Q(component="") | models.Q(service_name="")
)


class Feedback(models.Model):
    """One rating of one request. It may come before the request's row, or days after it.

    Until that row is known it waits (``next_look_at``); then it takes over whose
    the request was, of which component, class and model, and counts there.
    """

    class Scale(models.TextChoices):
        """How the person was asked."""

        STARS = "stars", "Stars (1–5)"
        THUMBS = "thumbs", "Thumbs (up 5, down 1)"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(
        Client,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Empty: not named, and the rated request is not known yet.",
    )
    request_id = models.CharField(max_length=100, help_text="The rated request, or its response.")
    rating = models.FloatField(validators=[MinValueValidator(1), MaxValueValidator(5)])
    scale = models.CharField(max_length=10, choices=Scale, default=Scale.STARS)
    correction = models.CharField(max_length=MAX_CORRECTION, blank=True)
    comment = models.CharField(max_length=MAX_COMMENT, blank=True)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    submitted_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    event_id = models.UUIDField(null=True)
    next_look_at = models.DateTimeField(
        null=True, help_text="When its request is looked for again. Empty: no more."
    )
    joined_at = models.DateTimeField(null=True, help_text="When its request was found.")
    integrated_at = models.DateTimeField(null=True, help_text="When a model had learned from it.")
    # Facts of the rated request.
    component = models.CharField(max_length=50, blank=True)
    service_name = models.CharField(max_length=50, blank=True)
    endpoint_path = models.CharField(max_length=255, blank=True)
    query_complexity = models.CharField(max_length=20, choices=Complexity, blank=True)
    model = models.CharField(max_length=100, blank=True)
    rated_at = models.DateTimeField(null=True, help_text="The rated request's time.")

    class Meta:
        db_table = "feedback"
        ordering = ["-submitted_at", "-id"]
        verbose_name = "rating"
        verbose_name_plural = "feedback"
        constraints = [
            models.UniqueConstraint(
                fields=["client", "event_id"],
                condition=models.Q(event_id__isnull=False),
                name="feedback_events",
            ),
            models.CheckConstraint(
                name="feedback_rating", condition=models.Q(rating__gte=1, rating__lte=5)
            ),
            models.CheckConstraint(
                name="feedback_scale",
                condition=models.Q(scale="stars") | models.Q(scale="thumbs", rating__in=[1, 5]),
            ),
            models.CheckConstraint(
                name="feedback_names_a_request", condition=~models.Q(request_id="")
            ),
            models.CheckConstraint(
                name="feedback_joined_is_whole",
                condition=models.Q(joined_at__isnull=True) & _UNRATED
                | models.Q(joined_at__isnull=False, next_look_at__isnull=True) & _RATED,
            ),
            models.CheckConstraint(
                name="feedback_integrated_is_somebodys",
                condition=models.Q(integrated_at__isnull=True) | models.Q(client__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"],
                condition=models.Q(next_look_at__isnull=False),
                name="feedback_waiting",
            ),
            models.Index(fields=["submitted_at", "id"], name="feedback_by_time"),
            models.Index(fields=["client", "submitted_at"], name="feedback_by_client"),
            models.Index(fields=["request_id"], name="feedback_by_request"),
        ]

    def __str__(self) -> str:
        return f"{self.rating:g} of 5 for {self.request_id}"


class Deployment(models.Model):
    """A version of a service went live: what a change in its figures is first held against."""

    component = models.CharField(max_length=50)
    service_name = models.CharField(max_length=50)
    version = models.CharField(max_length=100)
    environment = models.CharField(max_length=50, default="production")
    deployed_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    description = models.CharField(max_length=2_000, blank=True)
    url = models.URLField(max_length=500, blank=True)
    client = models.ForeignKey(
        Client,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: for every client.",
    )
    event_id = models.UUIDField(null=True)

    class Meta:
        db_table = "deployments"
        ordering = ["-deployed_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "event_id"],
                condition=models.Q(event_id__isnull=False),
                nulls_distinct=False,
                name="deployments_events",
            ),
            models.CheckConstraint(
                name="deployments_are_named",
                condition=~(
                    models.Q(component="")
                    | models.Q(service_name="")
                    | models.Q(version="")
                    | models.Q(environment="")
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["deployed_at", "id"], name="deployments_by_time"),
            models.Index(
                fields=["component", "service_name", "deployed_at"], name="deployments_by_service"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service_name} {self.version}"
