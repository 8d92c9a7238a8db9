"""Messages: text of unknown origin stays text, whatever it would mean in Markdown."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from pages.ui import annotation
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
    ],
)
def test_only_single_backticks_make_code_and_the_rest_is_escaped(text, shown):
    assert plain(text) == shown


def test_a_label_column_cannot_break_out_of_its_backticks(monkeypatch):
    shown = []
    page = SimpleNamespace(subheader=lambda *a, **k: 0, caption=len, markdown=shown.append)
    monkeypatch.setattr(annotation, "st", page)
    column = f"type` {IMAGE} `"
    dataset = SimpleNamespace(labels=lambda name: pd.Series(["B", "T"]))
    model = SimpleNamespace(task=SimpleNamespace(label=column))
    table = pd.DataFrame({"call": ["B", "other"]})
    names = {"rare": "B", "n_called": 1, "n_unsure": 0}
    annotation._draw_sentence(SimpleNamespace(table=table, dataset=dataset, model=model, **names))
    assert len(shown) == 1
    assert f"`type` {ESCAPED} \\`\\`. They were not used" in shown[0]
