"""Whatever is sent as a vote or a deployment: an answer of the documented shape, never a 500."""

from typing import Any

import msgspec
import pytest
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from metrics.ingest.deployments import DEPLOYMENTS
from metrics.ingest.feedback import VOTES
from metrics.models import Deployment, Feedback
from tests.metrics.test_ingest_anything import FEW, JSON, check_shape

pytestmark = pytest.mark.django_db
VOTE = {"request_id": "r-1", "rating": 4}
DEPLOYMENT = {"component": "cognitive_core", "service_name": "assistant", "version": "1.0"}


def good_but_for(good: dict[str, Any], fields: tuple[str, ...]) -> Any:
    """Objects of which a few fields have any value."""
    changes = st.dictionaries(st.sampled_from(fields), JSON, max_size=2)
    return changes.map(lambda changed: {**good, **changed})


ANY_VOTE = good_but_for(VOTE, VOTES.fields)
ANY_DEPLOYMENT = JSON | good_but_for(DEPLOYMENT, DEPLOYMENTS.fields)


def post(path: str, key: str, body: Any) -> Any:
    """Send it."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"X-API-Key": key}
    return Browser().post(
        f"/api/v1/{path}/", data, content_type="application/json", headers=headers
    )


@FEW
@given(body=JSON | ANY_VOTE | st.lists(JSON | ANY_VOTE | st.just(VOTE), max_size=4))
def test_any_vote_has_an_answer(api_key: str, body: Any) -> None:
    before = Feedback.objects.count()
    answer = post("feedback", api_key, body)
    check_shape(answer)
    ids = [one for one in answer.json().get("ids", []) if one is not None]
    assert len(ids) == answer.json().get("stored", 0)
    assert set(ids) <= {str(pk) for pk in Feedback.objects.values_list("pk", flat=True)}
    assert Feedback.objects.count() - before <= len(ids)


@FEW
@given(body=ANY_DEPLOYMENT)
def test_any_deployment_has_an_answer(api_key: str, body: Any) -> None:
    before = Deployment.objects.count()
    answer = post("deployments", api_key, body)
    assert answer.status_code in {201, 400}
    if answer.status_code == 400:
        assert set(answer.json()["error"]) == {"field", "problem", "fix"}
        assert all(answer.json()["error"].values())
        assert Deployment.objects.count() == before


@FEW
@given(body=st.binary(max_size=60) | st.binary(max_size=20).map(lambda b: b'{"a": ' + b))
def test_any_bytes_have_an_answer(api_key: str, body: bytes) -> None:
    check_shape(post("feedback", api_key, body))
    assert post("deployments", api_key, body).status_code == 400
