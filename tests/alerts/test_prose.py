"""What people and playbooks wrote, as HTML that can do no harm."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.admin import prose


def test_a_playbook_keeps_its_form() -> None:
    found = prose.markdown("# Look\n\n1. `queue`\n2. [runbook](https://x.example/a)")
    assert "<h4>Look</h4>" in found
    assert "<li><code>queue</code></li>" in found
    assert '<a href="https://x.example/a" rel="noopener noreferrer nofollow">runbook</a>' in found


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>)",
        '<img src=x onerror="alert(1)">',
        "![x](https://elsewhere.example/pixel.png)",
        "<javascript:alert(1)>",
        "[x]: javascript:alert(1)\n\n[x]",
    ],
)
def test_a_playbook_brings_no_scripts_and_no_pictures(text: str) -> None:
    found = prose.markdown(text)
    assert "<script" not in found
    assert "<img" not in found
    assert 'href="javascript' not in found
    assert 'href="data' not in found


def test_a_note_keeps_its_lines_and_links_and_names_who_was_told() -> None:
    found = prose.note("@ann <b>\nhttps://x.example/?a=1&b=2 @bob", {"ann"})
    assert found == (
        '<b class="aio-mention">@ann</b> &lt;b&gt;<br>'
        '<a href="https://x.example/?a=1&amp;b=2" rel="nofollow">'
        "https://x.example/?a=1&amp;b=2</a> @bob"
    )


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="<>&\"'@ab.:/ \njavscript()[]`", max_size=60))
def test_no_text_brings_a_tag_of_its_own(text: str) -> None:
    note = prose.note(text, {"a", "b"})
    for tag in ("<br>", "</a>", "</b>", '<b class="aio-mention">'):
        note = note.replace(tag, "")
    assert note.count("<") == note.count("<a href=")
    assert 'href="javascript' not in prose.markdown(text)
