"""The ground floor: who people, clients and services are, and what they may see."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    """Users, clients, teams, API keys and the four roles."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "People and keys"
    # What this app gives each role: role -> {model: actions}. Every app has such a table.
    role_permissions = {
        "Viewer": {"client": ("view",), "team": ("view",)},
        "Responder": {"client": ("view",), "team": ("view",)},
        "SLA manager": {"client": ("view", "add", "change"), "team": ("view", "add", "change")},
        "Administrator": {
            "client": ("view", "add", "change", "delete"),
            "team": ("view", "add", "change", "delete"),
            "apikey": ("view", "add", "change"),
            "user": ("view", "add", "change"),
        },
    }

    def ready(self) -> None:
        """Give the roles their permissions each time these come into being."""
        from accounts.roles import grant_role_permissions

        post_migrate.connect(grant_role_permissions, dispatch_uid="accounts.roles")
