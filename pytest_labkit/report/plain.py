"""
Text that others wrote, made harmless before any format sees it.

A student's exception may hold terminal commands, control characters, halves of characters, marks
that turn the reading direction round, or a megabyte. None of that may reach a terminal, an XML
parser or a reader; nothing of it is dropped in silence either, because it may be the evidence.
"""

from __future__ import annotations

import re

# The longest text that a report keeps, in characters. A page of evidence is some 3,000.
LONGEST = 20_000
_CUT = 60  # characters that a text may have beyond that: what is cut already has them, and is not cut again

# ECMA-48: CSI sequences (colours, cursor), and OSC strings (titles, links) that are terminated.
_TERMINAL_COMMAND = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]" r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
)
# What XML 1.0 forbids (controls, surrogates, U+FFFE, U+FFFF), the C1 controls, the line separators
# that are no newline, and the marks of UAX #9 that reorder what stands beside them.
_UNPRINTABLE = (
    *range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0),
    0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A),
    *range(0xD800, 0xE000), 0xFFFE, 0xFFFF,
)  # fmt: skip
_SPELT_OUT = {code: chr(code).encode("unicode_escape").decode("ascii") for code in _UNPRINTABLE}


def plain(text: str, most: int = LONGEST) -> str:
    r"""
    *text* without terminal commands, with unprintable characters spelt out (`\x00`, `\u202e`).

    Newlines and tabs stay, `\r\n` and `\r` become newlines. A text longer than *most* characters
    loses its middle and says how much that was.
    """
    text = _TERMINAL_COMMAND.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = text.translate(_SPELT_OUT)
    return text if len(text) <= most + _CUT else shorten(text, most)


# For a terminal that knows ASCII only: one letter for one, so that columns stay columns.
_IN_ASCII = str.maketrans("✓✗○·…├─┤│→━", "+xo-~|-||>=")


def speakable(text: str, encoding: str | None) -> str:
    """*text* as it is if *encoding* can say it, else with its marks and lines in ASCII."""
    try:
        text.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_IN_ASCII)
    return text


def line(text: str, most: int = LONGEST) -> str:
    """*text* made plain, on one line: every run of white space is one space."""
    return " ".join(plain(text, most).split())


def shorten(text: str, most: int) -> str:
    """*text* in at most about *most* characters: two thirds of them its beginning, one its end."""
    if len(text) <= most:
        return text
    head, tail = most * 2 // 3, most // 3
    return f"{text[:head]}\n… {len(text) - head - tail:,} characters left out …\n{text[-tail:]}"
