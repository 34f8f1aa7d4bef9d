"""Answers in a file, a JSON line each, from which a table that was stopped goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rhobust.compiler.base.errors import InputError


class Kept:
    """What is known already; each new answer is written at once.

    seconds: processor seconds of the answers that were asked for, in this run or an earlier one.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.seconds = folder / "answers.jsonl", 0.0
        self._known, self._counted = dict[str, tuple[Any, float]](), set[str]()
        if not self.path.exists():
            return
        whole = self.path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):  # a kill in the middle of a line
            with self.path.open("r+b") as file:
                file.truncate(end)
        for number, line in enumerate(whole[:end].splitlines(), 1):
            try:
                held = json.loads(line)
                self._known[_name(held["asked"])] = held["answer"], float(held["seconds"])
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(f"{self.path}, line {number}: is no answer; remove it") from error

    def get(self, asked: Mapping[str, object], make: Callable[[], Any]) -> Any:
        """The answer to a question, anything that JSON holds: as it is known, or made and kept."""
        name = _name(asked)
        if name not in self._known:
            began = time.process_time()
            answer = json.loads(json.dumps(make()))
            seconds = round(time.process_time() - began, 3)
            line = json.dumps({"asked": asked, "answer": answer, "seconds": seconds})
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            self._known[name] = answer, seconds
        answer, seconds = self._known[name]
        if name not in self._counted:
            self._counted.add(name)
            self.seconds += seconds
        return answer

    def made(self, path: Path, make: Callable[[], None]) -> Path:
        """A file that is made if it is not there; what that took is kept, too."""
        if not path.exists():
            name = _name({"made": path.name})
            self._known.pop(name, None)
            self._counted.discard(name)
        if not path.exists() or _name({"made": path.name}) in self._known:
            self.get({"made": path.name}, make)
        return path

    def each(
        self,
        asked: Mapping[str, object],
        indices: Iterable[int],
        make: Callable[[list[int]], list[Any]],
        size: int = 20,
    ) -> list[Any]:
        """An answer for each image, `size` images at a time."""
        order, answers = list(indices), list[Any]()
        for start in range(0, len(order), size):
            part = order[start : start + size]
            answers += self.get({**asked, "images": part}, lambda part=part: make(part))  # type: ignore[misc]
        return answers


def _name(asked: Mapping[str, object]) -> str:
    return json.dumps(asked, sort_keys=True)
