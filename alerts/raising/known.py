"""What judging reads of small tables, and of what went on around: once a pass."""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from accounts.models import PLATFORM, Client
from alerts.models import Playbook, SeverityRule
from alerts.raising import context, impact, severity
from slas.compliance import Finding
from slas.models import SloVersion
from slas.recent import Pair


class Known:
    """What judging a pass's findings takes beside their own rows, each looked up once."""

    def __init__(self) -> None:
        self.seen = context.Seen()
        self._versions: dict[Pair, SloVersion | None] = {}
        self._left: dict[Pair, float | None] = {}

    def expect(self, findings: Iterable[Finding]) -> None:
        """Say what will be judged: versions and budgets of all are looked up together."""
        by_client: dict[int, list[Finding]] = defaultdict(list)
        for one in findings:
            if one.slo_id is not None:
                by_client[one.client_id].append(one)
        for client_id, several in by_client.items():
            end = several[0].end
            versions = context.versions([one.slo_id for one in several if one.slo_id], end)
            slos = [one.slo for one in versions.values()]
            left = impact.budgets_left(self.clients[client_id], slos, end)
            for slo_id, version in versions.items():
                self._versions[client_id, slo_id] = version
                self._left[client_id, slo_id] = left.get(slo_id)

    def version(self, finding: Finding) -> SloVersion | None:
        """The version of the objective in force; None: not noted yet."""
        if finding.slo_id is not None:
            found = self._versions.get((finding.client_id, finding.slo_id))
            if found is not None:
                return found
        return context.version(finding)

    def budget_left(self, finding: Finding) -> float | None:
        """Of the objective, as a share; None: it has none, or nothing was counted."""
        held = self.version(finding)
        if held is None:
            return None
        pair = finding.client_id, held.slo_id
        if pair not in self._left:
            client = self.clients[finding.client_id]
            self._left[pair] = impact.budgets_left(client, [held.slo], finding.end).get(held.slo_id)
        return self._left[pair]

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
