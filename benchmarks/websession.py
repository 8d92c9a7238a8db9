"""A browser's side of Streamlit's protocol: one session of the app over a real websocket.

It keeps what a browser keeps (pages, widgets, messages that it has seen before, the address, timers
of fragments that run by themselves), but draws nothing.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

__all__ = ["Rerun", "WebSession"]

_WIDGETS = ("button", "slider", "selectbox", "multiselect", "number_input", "button_group")
_LARGEST_MESSAGE = 200 * 2**20
_DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)


@dataclass(frozen=True)
class Rerun:
    """One run of the script, or of a fragment, as a person sees it.

    Parameters
    ----------
    page : str
        Title of the page that was left on the screen.
    action : str
        What was done: ``open``, ``go``, ``click``, ``set`` or ``fragment``.
    seconds : float
        From sending the request to the end of the script.
    """

    page: str
    action: str
    seconds: float


@dataclass
class _Timer:
    interval: float
    due: float


@dataclass
class _Screen:
    """What the messages of the current page have brought."""

    page: str = ""
    page_hash: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    widgets: dict[tuple[str, str], Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


class WebSession:
    """A new session; nothing runs before :meth:`open`.

    Parameters
    ----------
    url : str
        Where the server is, such as ``http://localhost:8501``.
    timeout : float
        Seconds to wait for the end of a script.

    Attributes
    ----------
    reruns : list of Rerun
        What was measured so far.
    query : str
        Query string that the app has put into the address.
    """

    def __init__(self, url: str, *, timeout: float = 60.0) -> None:
        address = url.replace("http", "ws", 1) + "/_stcore/stream"
        self._opened = ExitStack()
        connection = connect(
            address, subprotocols=["streamlit"], max_size=_LARGEST_MESSAGE, compression=None
        )
        self._socket = self._opened.enter_context(connection)
        self._timeout = timeout
        self._screen = _Screen()
        self._known: dict[str, ForwardMsg] = {}
        self._timers: dict[str, _Timer] = {}
        self._under_way: dict[str, float] = {}
        self._is_running: bool | None = False  # None: asked for
        self.reruns: list[Rerun] = []
        self.query = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the tab."""
        self._opened.close()

    @property
    def page(self) -> str:
        """Title of the page on the screen."""
        return self._screen.page

    @property
    def texts(self) -> list[str]:
        """Headings, paragraphs and messages on the screen."""
        return list(self._screen.texts)

    def open(self, path: str = "", query: str = "") -> None:
        """Open a link: `path` is the page's name in the address, such as ``train``."""
        self.query = query
        self._rerun("open", page_name=path)

    def go(self, title: str) -> None:
        """Click a page in the navigation."""
        page_hash = self._screen.pages[title]
        self._timers.clear()
        self.query = ""
        self._rerun("go", page_script_hash=page_hash)

    def click(self, label: str) -> None:
        """Press a button."""
        widget = self._widget("button", label)
        self._rerun("click", WidgetState(id=widget.id, trigger_value=True))

    def set_number(self, label: str, value: int) -> None:
        """Change a number input."""
        widget = self._widget("number_input", label)
        self._rerun("set", WidgetState(id=widget.id, double_value=value))

    def set_slider(self, label: str, value: float) -> None:
        """Move a slider."""
        state = WidgetState(id=self._widget("slider", label).id)
        state.double_array_value.data.append(value)
        self._rerun("set", state)

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a select box."""
        widget = self._widget("selectbox", label)
        self._rerun("set", WidgetState(id=widget.id, string_value=option))

    def choose_several(self, label: str, options: list[str]) -> None:
        """Choose the options of a multiselect."""
        state = WidgetState(id=self._widget("multiselect", label).id)
        state.string_array_value.data.extend(options)
        self._rerun("set", state)

    def options(self, label: str) -> list[str]:
        """Options of a select box or multiselect on the screen."""
        both = ("selectbox", "multiselect")
        found = (self._screen.widgets.get((kind, label)) for kind in both)
        return list(next(widget for widget in found if widget is not None).options)

    def has_button(self, label: str) -> bool:
        """Whether there is such a button that can be pressed."""
        widget = self._screen.widgets.get(("button", label))
        return widget is not None and not widget.disabled

    def look(self, seconds: float) -> None:
        """Watch the page for a while, as its fragments run by themselves."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            self._fire_timers(now)
            due = [t.due for name, t in self._timers.items() if name not in self._under_way]
            self._receive(until=min([end, *due]))

    def _widget(self, kind: str, label: str) -> Any:
        found = self._screen.widgets.get((kind, label))
        if found is None:
            there = sorted(name for _, name in self._screen.widgets)
            raise LookupError(f"no {kind} {label!r} on {self.page!r}; there are {there}")
        return found

    def _rerun(self, action: str, *changes: WidgetState, page_name: str = "", **state: str) -> None:
        state = {"page_script_hash": self._screen.page_hash} | state
        self._await_end()  # of a run that the page began by itself, as a person would
        started = time.monotonic()
        self._send(changes, page_name=page_name, **state)
        self._is_running = None
        self._await_end()
        # A page that begins anew by itself at the very moment of a click swallows it.
        while action == "go" and self._screen.page_hash != state["page_script_hash"]:
            self._send(changes, **state)
            self._is_running = None
            self._await_end()
        self._under_way.clear()
        self.reruns.append(Rerun(self.page, action, time.monotonic() - started))

    def _await_end(self) -> None:
        """Return when no run of the whole page is under way or about to begin."""
        end = time.monotonic() + self._timeout
        while self._is_running is not False:
            if self._receive(until=end) is None:
                raise TimeoutError(f"{self.page!r} did not end within {self._timeout} s")

    def _send(self, changes: tuple[WidgetState, ...] = (), **state: Any) -> None:
        message = BackMsg()
        client = message.rerun_script
        client.query_string = self.query
        client.widget_states.widgets.extend(changes)
        client.cached_message_hashes.extend(self._known)
        client.context_info.color_scheme = "light"
        client.context_info.timezone = "UTC"
        for name, value in state.items():
            setattr(client, name, value)
        self._socket.send(message.SerializeToString())

    def _fire_timers(self, now: float) -> None:
        for fragment, timer in self._timers.items():
            if timer.due <= now and fragment not in self._under_way:
                timer.due = now + timer.interval
                self._under_way[fragment] = now
                self._send(
                    fragment_id=fragment,
                    is_auto_rerun=True,
                    page_script_hash=self._screen.page_hash,
                )

    def _receive(self, *, until: float) -> ForwardMsg | None:
        try:
            data = self._socket.recv(timeout=max(0.0, until - time.monotonic()))
        except TimeoutError:
            return None
        message = ForwardMsg.FromString(data)
        self._take_in(message)
        return message

    def _take_in(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            known = ForwardMsg()
            known.CopyFrom(self._known[message.ref_hash])
            known.metadata.CopyFrom(message.metadata)
            message, kind = known, known.WhichOneof("type")
        elif message.metadata.cacheable and message.hash:
            self._known[message.hash] = message
        if kind == "delta":
            self._draw(message.delta)
        elif kind == "new_session":
            self._begin(message)
        elif kind == "navigation":
            pages = message.navigation.app_pages
            self._screen.pages = {page.page_name: page.page_script_hash for page in pages}
            self._screen.page_hash = message.navigation.page_script_hash
            titles = {page_hash: title for title, page_hash in self._screen.pages.items()}
            self._screen.page = titles.get(self._screen.page_hash, "")
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            wait = message.auto_rerun.interval
            self._timers[message.auto_rerun.fragment_id] = _Timer(wait, time.monotonic() + wait)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._timers.pop(fragment, None)
        elif kind == "script_finished":
            self._end(message)

    def _begin(self, message: ForwardMsg) -> None:
        if not message.metadata.run.fragment_ids:
            self._is_running = True
            self._screen.widgets.clear()
            self._screen.texts.clear()
            self._timers.clear()

    def _end(self, message: ForwardMsg) -> None:
        if self._is_running and message.script_finished in _DONE:
            self._is_running = False
        if message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            for fragment in message.metadata.run.fragment_ids:
                started = self._under_way.pop(fragment, None)
                if started is not None:
                    seconds = time.monotonic() - started
                    self.reruns.append(Rerun(self.page, "fragment", seconds))

    def _draw(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        element = getattr(delta.new_element, kind) if kind else None
        if kind in _WIDGETS:
            self._screen.widgets[kind, element.label] = element
        elif kind in ("markdown", "heading", "alert"):
            self._screen.texts.append(element.body)
