"""PURE: blocks of a message as plain text, Markdown and HTML. What came from outside is escaped.

A block is a title, its address, lines of (name, value) and links by label.
"""

import re

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

Block = tuple[str, str, list[tuple[str, str]], dict[str, str]]
_MARKS = re.compile(r"([\\`*_\[\]#~|])")


def text(blocks: list[Block]) -> str:
    """Lines to read anywhere."""
    return "\n\n".join(
        "\n".join(
            [title]
            + [f"{name}: {value}" if name else value for name, value in lines]
            + [f"{label}: {address}" for label, address in (links or {"Open": url}).items()]
        )
        for title, url, lines, links in blocks
    )


def markdown(blocks: list[Block]) -> str:
    """What Markdown readers share: bold, links, paragraphs."""
    found = []
    for title, url, lines, links in blocks:
        head = f"**[{escaped(title)}]({url})**" if url else f"**{escaped(title)}**"
        said = [
            f"**{escaped(name)}:** {escaped(value)}" if name else escaped(value)
            for name, value in lines
        ]
        steps = " · ".join(f"[{escaped(label)}]({address})" for label, address in links.items())
        found.append("\n\n".join([head, *said, *([steps] if steps else [])]))
    return "\n\n".join(found)


def html(blocks: list[Block]) -> str:
    """Plain elements that mail programs keep."""
    return "".join(_html(*block) for block in blocks)


def escaped(value: str) -> str:
    """As text in Markdown: no mark, link or mention (Slack's <!channel>) comes from the value."""
    plain = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKS.sub(r"\\\1", plain)


def _html(title: str, url: str, lines: list[tuple[str, str]], links: dict[str, str]) -> SafeString:
    head = format_html('<a href="{}">{}</a>', url, title) if url else title
    return format_html(
        "<p><b>{}</b></p>{}{}",
        head,
        format_html_join("", "<p>{}{}</p>", ((_name(name), value) for name, value in lines)),
        format_html(
            "<p>{}</p>",
            format_html_join(
                " · ", '<a href="{}">{}</a>', ((one, label) for label, one in links.items())
            ),
        )
        if links
        else "",
    )


def _name(name: str) -> SafeString | str:
    return format_html("<b>{}:</b> ", name) if name else ""
