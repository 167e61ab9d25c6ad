"""What a digest tells before its figures, in all places of a message."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.notify.blocks import Block, Command, Figure


@dataclass(frozen=True)
class Alert:
    """`counted` and `span` are for the subject, `verdict` is a clause, `shown` for an inbox."""

    counted: str
    span: str
    verdict: str
    shown: str
    lead: str
    figure: Figure
    blocks: tuple[Block, ...]
    step: Command
