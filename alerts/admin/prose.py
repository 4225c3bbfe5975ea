"""PURE: what people and playbooks wrote, as safe HTML."""

from collections.abc import Collection

from django.utils.html import format_html, urlize
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from alerts.triage.people import MENTION

# HTML in the source is shown as text, and links to scripts are no links. Pictures would tell
# somebody else's server who reads: their link is enough.
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
LEVEL = 3


def markdown(text: str) -> SafeString:
    """A playbook's Markdown: headings, lists, tables, code and links; never its HTML."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            # It stands under a card's own heading.
            token.tag = f"h{min(int(token.tag[1:]) + LEVEL, 6)}"
        for child in token.children or []:
            if child.type == "link_open":
                child.attrSet("rel", "noopener noreferrer nofollow")
    # Every text was escaped by the renderer, whose HTML option is off.
    return mark_safe(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S308


def note(text: str, mentioned: Collection[str] = ()) -> SafeString:
    """A person's text: its lines, its links, and the @names of people who were told."""
    parts: list[str] = []
    position = 0
    for found in MENTION.finditer(text):
        if found[1] not in mentioned:
            continue
        parts.append(_linked(text[position : found.start()]))
        parts.append(format_html('<b class="aio-mention">{}</b>', found[0]))
        position = found.end()
    parts.append(_linked(text[position:]))
    lines = "".join(parts).replace("\r\n", "\n").replace("\n", "<br>")
    return mark_safe(lines)  # noqa: S308  # of escaped parts


def _linked(text: str) -> str:
    return str(urlize(text, nofollow=True, autoescape=True))
