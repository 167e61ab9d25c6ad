r"""Other people's text on consoles, in logs and run rows: it opens no line and steers no terminal.

File names, fields of files and answers of servers can hold newlines, escape codes and
characters that reorder what stands beside them. They are written as `\n`, `\x1b`, `\u202e`.
"""

from __future__ import annotations

import re

# Controls but the tab, line and paragraph separators, halves of characters, and what reorders text.
UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
NAMED = {"\n": "\\n", "\r": "\\r"}
NOT_UTF8 = range(0xDC80, 0xDD00)  # how Python keeps a byte of a file name that is no UTF-8


def printable(text: str) -> str:
    """The text on one line."""
    return UNSAFE.sub(_written, text)


def printable_lines(text: str, indent: str = "") -> str:
    """The text on its own lines; all but the first are indented, so that none poses as another."""
    return f"\n{indent}".join(printable(line) for line in text.split("\n"))


def _written(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char) & 0xFF if ord(char) in NOT_UTF8 else ord(char)
    return NAMED.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
