"""The two recordings in the database, and the alerts that evaluating over their time opens."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import Client
from alerts.models import Alert
from alerts.raising import evaluation
from alerts.triage import lifecycle
from metrics import rollups
from metrics.replay import halie, loading, petshop, trace
from slas import slis, versions
from slas.models import Contract, ModelTarget, ResourceLimit, Sla

DAY = timedelta(days=1)
PROMISES = petshop.DATA / "promises.yaml"


def promise(since: datetime) -> Client:
    """Only what the recordings are held against, in force from ``since`` on; PetShop's client."""
    ResourceLimit.objects.exclude(name="query_timeout").delete()
    Sla.objects.filter(code__in=["complex_queries", "user_feedback_processing"]).delete()
    numbers = ModelTarget.objects.values()[0]
    ModelTarget.objects.all().delete()
    for model in ("Davinci", "Jumbo", "InstructDavinci", "InstructBabbage"):
        own = {"id": None, "model_name": model, "inference_time": 1500, "user_satisfaction": 3.1}
        metric = {"metric_name": "conversational_query_response_time"}
        ModelTarget.objects.create(**{**numbers, **own, **metric})
    call_command("openslo", "import", str(PROMISES), verbosity=0)
    shop = Client.objects.create(code="petshop", name="PetShop", tier="enterprise")
    Contract.objects.create(
        client=shop,
        sla=Sla.objects.get(code="petsite"),
        valid_from=(since - DAY).date(),
        credit_terms=[{"below": 98.5, "percent": 10}, {"below": 95, "percent": 25}],
        monthly_fee=Decimal("12000"),
    )
    versions.sync(since)
    return shop


def load_halie(end: datetime) -> list[datetime]:
    """The study in five days, a client for each model; the requests' times."""
    moments = trace.compact(halie.load())
    moved = trace.shift(moments, end=end, speed=trace.speed_for(moments, 5 * DAY))
    by_model: dict[str, list[tuple[datetime, trace.Row]]] = {}
    for at, row in moved:
        by_model.setdefault(row["ml_models_used"][0].lower(), []).append((at, row))
    for model, rows in by_model.items():
        loading.load(rows, Client.objects.create(code=model, name=model).pk)
    return [at for at, row in moved if row["metric_category"] == "ai_query"]


def load_petshop(shop: Client, start: datetime, incidents: int) -> list[petshop.Interval]:
    """The first incidents one after another; their intervals."""
    faults = [one for one in petshop.intervals() if one.issue != petshop.NORMAL]
    placed = petshop.lined_up(faults[: 5 * incidents], start)
    loading.load(petshop.rows(placed), shop.pk)
    return placed


def count() -> None:
    """Roll up and count all there is."""
    rollups.roll_up_all()
    slis.count_all()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ai_performance_metrics, sli_minutes, sli_hours")


def raise_alerts(times: Iterable[datetime], enough: int) -> int:
    """Evaluate at these times until there are enough alerts; how many there are.

    After each pass the portal closes all, so that the next one opens them anew.
    """
    for at in times:
        evaluation.evaluate(at)
        for alert in Alert.objects.filter(status__in=lifecycle.OPEN):
            lifecycle.resolve_recovered(alert.pk, "The test goes on.")
        if Alert.objects.count() >= enough:
            break
    return Alert.objects.count()


def next_minute(at: datetime) -> datetime:
    """The first whole minute after: all that had come by then had come before it."""
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)


def now() -> datetime:
    """A whole minute."""
    return timezone.now().replace(second=0, microsecond=0)
