"""Messages: text of unknown origin stays text, whatever it would mean in Markdown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.label_mapping import CallScores
from pages.ui import mapping
from pages.ui.messages import plain

IMAGE = "![x](https://evil.example/p.png)"
ESCAPED = r"\!\[x\]\(https\://evil\.example/p\.png\)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`label` is code", "`label` is code"),
        ("`a*b` and `c_d`", "`a*b` and `c_d`"),
        (f"`{IMAGE}`", f"`{IMAGE}`"),
        # Runs of another length close no code: what stands between them would be an image.
        (f"```{IMAGE}`", rf"\`\`\`{ESCAPED}\`"),
        (f"`{IMAGE}``", rf"\`{ESCAPED}\`\`"),
        (f"``{IMAGE}``", rf"\`\`{ESCAPED}\`\`"),
        (f"``a`{IMAGE}`", rf"\`\`a`{IMAGE}`"),
        # Between two codes is text again, and a lone backtick closes nothing.
        (f"`a`{IMAGE}`b`", f"`a`{ESCAPED}`b`"),
        (f"a` {IMAGE}", rf"a\` {ESCAPED}"),
        # Code that seems to go on over a blank line ends at it.
        (f"`a\n\n{IMAGE}`", f"\\`a\n\n{ESCAPED}\\`"),
        ("``", r"\`\`"),
        ("\\`a`", r"\\`a`"),
        # A quoted name is a file's own; code may hold quotes, and an apostrophe quotes nothing.
        ("type '`x` **b**' has", r"type '\`x\` \*\*b\*\*' has"),
        ("`write('a.b')` is", "`write('a.b')` is"),
        ("the file's `obs` is its cells' own", "the file's `obs` is its cells' own"),
    ],
)
def test_only_single_backticks_make_code_and_the_rest_is_escaped(text, shown):
    assert plain(text) == shown


def test_a_rare_type_cannot_be_markdown_where_calls_are_compared(monkeypatch):
    shown = []
    page = SimpleNamespace(markdown=shown.append, dataframe=lambda *a, **k: 0, caption=shown.append)
    page.column_config = SimpleNamespace(TextColumn=lambda **k: None)
    monkeypatch.setattr(mapping, "st", page)
    monkeypatch.setattr(mapping, "number_columns", lambda columns: {})
    mapping._draw_scores(CallScores(1, 2, 3, 4, 5, (IMAGE,)), IMAGE)
    assert shown == [
        "By these labels: **1 of 4 found, 2 false calls**.",
        "5 cells without a label take no part.",
    ]
