"""Widgets that carry sound by message, so that no saved notebook holds any.

What a widget syncs is its state, and state is saved with the notebook: by ``jupyter nbconvert
--execute``, by JupyterLab's "Save Widget State", by VS Code. A message to the live page is not.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget

from ..errors import LabError

UNASKED = (1.0, 5.0)  #: seconds after a widget is shown at which it sends what nobody asked for yet
_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)


def script(name: str) -> str:
    """A widget's script after those that it imports, without their exports: one file for a page."""
    parts: dict[str, str] = {}
    _gather(name, parts)
    own = parts.pop(name)
    shared = (part.split("\nexport default ")[0] + "\n" for part in parts.values())
    return "".join(shared).replace("\nexport ", "\n") + own


def _gather(name: str, parts: dict[str, str]) -> None:
    """Add a script, without its imports, after the scripts that these name."""
    text = (_HERE / f"{name}.js").read_text("utf-8")
    for other in _IMPORT.findall(text):
        if other not in parts:
            _gather(other, parts)
    parts[name] = _IMPORT.sub("", text)


def style(*names: str) -> str:
    """A widget's style sheets after the shared ``ui.css``."""
    return "".join((_HERE / f"{part}.css").read_text("utf-8") for part in ("ui", *names))


class Answering(anywidget.AnyWidget):
    """A widget that answers its page's questions; a subclass says how in :meth:`answer`.

    A question is ``{"id": …, "action": …}`` with or without buffers. Its answer is ``{"id", "ok",
    "message"}`` and the buffers that :meth:`answer` gives. A message that is no question of ours
    is ignored.
    """

    _asked = False
    carried: tuple[str, ...] = ()  #: attributes (bytes) that the page gets when it asks to "carry"

    def __init__(self, **traits: Any):
        super().__init__(**traits)
        self.on_msg(lambda _widget, content, buffers: self._answer(content, buffers))

    def answer(
        self, action: str, content: dict[str, Any], buffers: Sequence[memoryview]
    ) -> tuple[str, list[bytes]] | None:
        """Do what the page asks.

        Returns
        -------
        tuple or None
            A sentence for the reader, and what to send along; None if there is no such action.

        Raises
        ------
        LabError
            It cannot be done; the page shows the message.
        """
        if action != "carry" or not self.carried:
            return None
        self._asked = True
        return "", [getattr(self, name) for name in self.carried]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        for delay in UNASKED if self.carried else ():
            timer = threading.Timer(delay, self._push)
            timer.daemon = True
            timer.start()
        return super()._repr_mimebundle_(**kwargs)

    def _push(self) -> None:
        """Send what is carried unasked: while other cells run, the page's question has to wait."""
        if not self._asked:
            self.send({"carried": True}, [getattr(self, name) for name in self.carried])

    def _answer(self, content: object, buffers: Sequence[memoryview]) -> None:
        if not isinstance(content, dict) or not isinstance(action := content.get("action"), str):
            return
        try:
            answer = self.answer(action, content, buffers or [])
            if answer is None:
                return
            (message, sent), ok = answer, True
        except (LabError, OSError) as error:
            message, sent, ok = str(error), [], False
        asked = content.get("id")
        reply = {"id": asked if isinstance(asked, int | str) else None, "ok": ok}
        self.send(reply | {"message": message}, *([sent] if sent else []))
