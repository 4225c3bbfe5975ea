"""What judging reads of small tables, and of what went on around: once a pass."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from accounts.models import PLATFORM, Client
from alerts.models import Playbook, SeverityRule
from alerts.raising import context, impact, severity
from slas.compliance import Finding
from slas.models import SloVersion

Key = tuple[int, str]  # client, objective


class Known:
    """What judging a pass's findings takes beside their own rows, each looked up once."""

    def __init__(self) -> None:
        self.seen = context.Seen()
        self._held: dict[Key, tuple[SloVersion | None, float | None]] = {}

    def expect(self, findings: Iterable[Finding]) -> None:
        """Say what will be judged: versions and budgets of all are looked up together."""
        by_client: dict[int, list[Finding]] = defaultdict(list)
        for one in findings:
            by_client[one.client_id].append(one)
        for client_id, several in by_client.items():
            end, keys = several[0].end, {one.objective.key for one in several}
            versions = context.versions(client_id, keys, end)
            slos = [one.slo for one in versions.values()]
            left = impact.budgets_left(self.clients[client_id], slos, end)
            for key in keys:
                held = versions.get(key)
                self._held[client_id, key] = held, left.get(held.slo_id) if held else None

    def held(self, finding: Finding) -> tuple[SloVersion | None, float | None]:
        """The version in force (None: not noted yet), and what is left of its budget, as a share.

        That is None where it has none, or nothing was counted.
        """
        key = finding.client_id, finding.objective.key
        if key not in self._held:
            self.expect([finding])
        return self._held[key]

    @cached_property
    def clients(self) -> dict[int, Client]:
        """All of them, by id."""
        return Client.objects.in_bulk()

    @cached_property
    def names(self) -> dict[int, str]:
        """The clients' names."""
        return {pk: client.name for pk, client in self.clients.items()}

    @cached_property
    def platform(self) -> int:
        """Whose rows probes store."""
        return next(pk for pk, client in self.clients.items() if client.code == PLATFORM)

    @cached_property
    def severities(self) -> list[SeverityRule]:
        """The severity table."""
        return severity.table()

    @cached_property
    def playbooks(self) -> list[Playbook]:
        """Those that are in use."""
        return list(Playbook.objects.filter(enabled=True))
