"""Every kind of probe, by its name. A new kind is one new file and one line here."""

from collections.abc import Mapping

from metrics.models import Probe
from metrics.probes.base import Kind
from metrics.probes.conversational_query import ConversationalQuery
from metrics.probes.embedding import Embedding
from metrics.probes.ml_inference import MlInference
from metrics.probes.page_load import PageLoad
from metrics.probes.system_resources import SystemResources
from metrics.probes.user_feedback import UserFeedback

KINDS: Mapping[str, Kind] = {
    Probe.Kind.CONVERSATIONAL_QUERY.value: ConversationalQuery(),
    Probe.Kind.USER_FEEDBACK.value: UserFeedback(),
    Probe.Kind.ML_INFERENCE.value: MlInference(),
    Probe.Kind.EMBEDDING.value: Embedding(),
    Probe.Kind.PAGE_LOAD.value: PageLoad(),
    Probe.Kind.SYSTEM_RESOURCES.value: SystemResources(),
}
