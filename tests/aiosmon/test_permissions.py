"""Who may do what: every model × action × role, of one's own clients and of others.

What a role may is read from the apps' tables (role_permissions) on one side and
asked of the portal over HTTP on the other.
"""

import re
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import keys
from accounts.admin.base import ScopedAdmin
from accounts.models import ApiKey, Client, Team, User
from accounts.roles import ROLES, codenames
from aiosmon.demo_setup import load_demo
from alerts.raising import pipeline

pytestmark = pytest.mark.django_db
OURS = sorted(
    model._meta.label_lower
    for model in admin.site._registry
    if model._meta.app_label in {"accounts", "metrics", "slas", "alerts"}
)
OF_ALL = {"metrics.metrichour"}
ACTIONS = ("view", "add", "change", "delete")
MakeUser = Callable[..., User]


@pytest.fixture
def everything(acme: Client, globex: Client, make_rows: Callable[..., Any]) -> None:
    """Something of both customers in as many tables as the portal fills by itself."""
    load_demo("http://127.0.0.1:8090")
    for client in (acme, globex):
        make_rows(client, [9000.0] * 20, user_satisfaction_score=1.0)
        keys.issue(client.name, [ApiKey.Scope.INGEST], client=client)
        Team.objects.create(name=f"Team of {client.code}")
    pipeline.run()


def signed_in(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


def granted(role: str, label: str) -> set[str]:
    """The actions that the role's table gives for a model; who may change may look."""
    app, model = label.split(".")
    names = codenames(role).get(app, set())
    found = {action for action in ACTIONS if f"{action}_{model}" in names}
    return found | ({"view"} if "change" in found else set())


def test_a_role_may_what_its_table_says_and_no_more(make_user: MakeUser, everything: None) -> None:
    browsers = {role: signed_in(make_user(role)) for role in ROLES}
    wrong = []
    for (role, browser), label in product(browsers.items(), OURS):
        allowed = granted(role, label)
        name = label.replace(".", "_")
        statuses = {
            "view": browser.get(reverse(f"admin:{name}_changelist")).status_code,
            "add": browser.get(reverse(f"admin:{name}_add")).status_code,
        }
        for action, status in statuses.items():
            if (status == 200) and action not in allowed:
                wrong.append(f"{role} may {action} {label}")
            # An admin may be stricter than the table (nobody adds a measured row by hand).
            if action == "view" and status != 200 and action in allowed:
                wrong.append(f"{role} may not {action} {label}: {status}")
    assert wrong == []


def test_who_has_no_role_may_nothing(make_user: MakeUser, everything: None) -> None:
    browser = signed_in(make_user())
    for label in OURS:
        assert (
            browser.get(reverse(f"admin:{label.replace('.', '_')}_changelist")).status_code == 403
        )


def test_who_may_not_change_a_thing_can_not_post_it(make_user: MakeUser, everything: None) -> None:
    browsers = {role: signed_in(make_user(role)) for role in (None, *ROLES)}
    wrong = []
    for (role, browser), label in product(browsers.items(), OURS):
        allowed = granted(role, label) if role else set()
        first = apps.get_model(label)._default_manager.order_by("pk").first()
        for action in ("change", "delete"):
            if first is None or action in allowed:
                continue
            url = reverse(f"admin:{label.replace('.', '_')}_{action}", args=[first.pk])
            if browser.post(url, {"post": "yes"}).status_code not in {302, 403, 404, 405}:
                wrong.append(f"{role} posts {action} of {label}")
            if not type(first)._default_manager.filter(pk=first.pk).exists():
                wrong.append(f"{role} deleted {label}")
    assert wrong == []


def foreign(model: type[Model], path: str, client: Client) -> Model | None:
    """Something of that client's, and of no other."""
    lookup = "pk" if path == "pk" else path
    return model._default_manager.filter(**{lookup: client.pk}).order_by("pk").first()


def test_nobody_reaches_what_belongs_to_a_client_they_may_not_see(
    make_user: MakeUser, everything: None, acme: Client, globex: Client
) -> None:
    browsers = {role: signed_in(make_user(role, clients=[acme])) for role in ROLES}
    looked_at, wrong = set(), []
    scoped = [
        (model, its_admin)
        for model, its_admin in admin.site._registry.items()
        # What is summed up over all clients has none: its admin shows it to who sees them all.
        if isinstance(its_admin, ScopedAdmin) and model._meta.label_lower not in OF_ALL
    ]
    for (role, browser), (model, its_admin) in product(browsers.items(), scoped):
        theirs = foreign(model, its_admin.client_path, globex)
        if theirs is None or not granted(role, model._meta.label_lower):
            continue
        looked_at.add(model._meta.label_lower)
        name = model._meta.label_lower.replace(".", "_")
        for action in ("change", "delete", "history"):
            url = reverse(f"admin:{name}_{action}", args=[theirs.pk])
            answers = (browser.get(url), browser.post(url, {"post": "yes"}))
            wrong += [f"{role}: {url}" for answer in answers if answer.status_code == 200]
        shown = browser.get(reverse(f"admin:{name}_changelist")).content.decode()
        if globex.name in shown:
            wrong.append(f"{role}: the list of {name} names a client that is not theirs")
    wrong += [
        f"{role} sees {label}, which is of all clients"
        for (role, browser), label in product(browsers.items(), OF_ALL)
        if browser.get(reverse(f"admin:{label.replace('.', '_')}_changelist")).status_code == 200
    ]
    assert wrong == []
    assert {"alerts.alert", "alerts.alertevent", "metrics.performancemetric"} <= looked_at


# What a GET may write: sessions, when somebody was here last, and what is counted beside rows.
HARMLESS = re.compile(
    r'"(django_session|api_keys|users|django_admin_log)"|intake_|emitters|SAVEPOINT', re.IGNORECASE
)
WRITES = re.compile(
    r"^\s*(INSERT|UPDATE|DELETE|TRUNCATE|COPY|MERGE|WITH .*(INSERT|UPDATE|DELETE) )"
)


def addresses(patterns: Any, prefix: str = "/") -> list[tuple[str, URLPattern]]:
    """Every pattern below, with its address."""
    found: list[tuple[str, URLPattern]] = []
    for one in patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            found += addresses(one.url_patterns, path)
        elif isinstance(one, URLPattern):
            found.append((path, one))
    return found


def filled(path: str, model_pk: Callable[[str], Any]) -> str:
    """The address with something that exists for each of its parameters."""
    pk = model_pk(path)
    path = re.sub(r"\^|\$|\\Z", "", path)
    path = re.sub(r"<[^>]*(id|pk)[^>]*>", str(pk), path)
    path = re.sub(r"<[^>]*>", "x", path)
    return re.sub(r"\(\?P[^)]*\)|\([^)]*\)", "x", path)


def test_no_get_changes_state(make_user: MakeUser, everything: None) -> None:
    browser = signed_in(make_user(is_superuser=True))
    firsts: dict[str, Any] = {}

    def first_of(path: str) -> Any:
        match = re.match(r"/admin/(\w+)/(\w+)/", path)
        if match is None or f"{match[1]}.{match[2]}" not in OURS:
            return 1
        label = f"{match[1]}.{match[2]}"
        if label not in firsts:
            found = apps.get_model(label)._default_manager.order_by("pk").first()
            firsts[label] = found.pk if found else 1
        return firsts[label]

    wrong, asked = [], 0
    for path, _pattern in addresses(get_resolver().url_patterns):
        url = filled(path, first_of)
        if url.endswith("/logout/") or "/static/" in url:
            continue
        with CaptureQueriesContext(connection) as queries:
            browser.get(url)
        asked += 1
        written = [q["sql"] for q in queries if WRITES.match(q["sql"])]
        wrong += [f"{url}: {sql[:200]}" for sql in written if not HARMLESS.search(sql)]
    assert wrong == []
    assert asked > 100
