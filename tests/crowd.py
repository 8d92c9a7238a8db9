"""Several processes that do the same work at the same moment, again and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any, Self

from tests.conftest import ROOT

SECONDS_AT_MOST = 300  # a crowd in which all wait for each other is ended
# What each of them runs: `me` is its number, and `answer` what the script leaves behind.
MEMBER = """
import json, sys
from core.jobs.database import RunDatabase
print("ready", flush=True)
for line in sys.stdin:
    script, arguments = json.loads(line)
    names = {"RunDatabase": RunDatabase, "me": int(sys.argv[1]), "arguments": arguments}
    exec(script, names)
    print(json.dumps(names["answer"]), flush=True)
"""


class Crowd:
    """Processes that wait for scripts; their start is slow, so that one crowd does many."""

    def __init__(self, n: int) -> None:
        command = [sys.executable, "-W", "error", "-c", MEMBER]
        settings = {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}, "text": True}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self._members = [
            subprocess.Popen([*command, str(me)], **pipes, **settings) for me in range(n)
        ]

    def __enter__(self) -> Self:
        """Wait until all are there."""
        assert [one.stdout.readline() for one in self._members] == ["ready\n"] * len(self._members)
        return self

    def run(self, script: str, arguments: Any) -> list[Any]:
        """Run a script in all of them, and return the answer of each; none may fail or warn."""
        for one in self._members:
            print(json.dumps([script, arguments]), file=one.stdin, flush=True)
        watch = threading.Timer(SECONDS_AT_MOST, self._end)
        watch.start()
        answers = [one.stdout.readline() for one in self._members]
        watch.cancel()
        failed = [one for one, answer in zip(self._members, answers, strict=True) if not answer]
        assert [one.communicate()[1] for one in failed] == []
        return [json.loads(answer) for answer in answers]

    def __exit__(self, *_: object) -> None:
        """Send all of them home."""
        self._end()
        for one in self._members:
            one.communicate()

    def _end(self) -> None:
        for one in self._members:
            one.kill()
