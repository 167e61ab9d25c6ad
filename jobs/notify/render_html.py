"""Renders a message as HTML that mail clients show alike: tables, inline styles, no scripts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from jobs.notify.blocks import Block, Message

TEMPLATES = Path(__file__).parent / "templates"


def render_html(message: Message) -> str:
    """A whole HTML document; pictures are `cid:` references."""
    page = _environment().get_template("mail.html.j2")
    return _inliner().inline(page.render(message=message, render=_render_block))


def _render_block(block: Block) -> Markup:
    macros = _environment().get_template("blocks.html.j2").module
    rendered: Markup = getattr(macros, type(block).__name__)(block)
    return rendered


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _inliner() -> CSSInliner:
    return CSSInliner(keep_style_tags=False, load_remote_stylesheets=False)
