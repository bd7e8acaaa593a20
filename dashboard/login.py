"""The page that asks for the token: one field, and nothing of any run."""

from __future__ import annotations

from dataclasses import asdict
from html import escape

from dashboard.theme import DARK, FONT, LIGHT

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin">
<title>Fathom</title><style>{style}</style>
</head>
<body>
<form method="post" action="{action}">
<h1>Fathom</h1>
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input name="query" type="hidden" value="{query}">
{trouble}<button>Open</button>
<p>It stands in the address that <code>fathom serve</code> printed where it was started.</p>
</form>
</body>
</html>"""

_LOOK = """
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 16px;
  background: var(--page); color: var(--ink); font: 15px/1.55 var(--font); }
form { width: min(380px, 100%); display: grid; gap: 10px; padding: 28px;
  background: var(--card); border: 1px solid var(--border); border-radius: 12px; }
h1 { margin: 0 0 6px; font-size: 22px; font-weight: 650; letter-spacing: -0.02em; }
label { font-size: 13px; color: var(--dimmed); }
input { width: 100%; padding: 9px 12px; font: inherit; color: inherit;
  background: var(--page); border: 1px solid var(--border); border-radius: 8px; }
button { padding: 9px 16px; font: inherit; font-weight: 600; cursor: pointer;
  color: var(--card); background: var(--accent); border: 0; border-radius: 8px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
p { margin: 4px 0 0; font-size: 13px; color: var(--dimmed); }
p.trouble { margin: 0; color: var(--error); }
code { font-size: 12.5px; }
"""


def login_page(action: str, query: str, trouble: str = "") -> str:
    """The form; `query` is what the page asked for is called with once the token is right.

    Its referrer policy is its own: under "no-referrer" a browser sends a form without saying that
    it comes from this very site, and what might come from another one is refused.
    """
    told = f'<p class="trouble" role="alert">{escape(trouble)}</p>\n' if trouble else ""
    return _PAGE.format(style=_style(), action=escape(action), query=escape(query), trouble=told)


def _style() -> str:
    """The palettes of theme.py; without a script the system's choice of scheme is followed."""
    light, dark = (
        "".join(f"--{name}:{value};" for name, value in asdict(colours).items())
        for colours in (LIGHT, DARK)
    )
    return (
        f":root{{color-scheme:light dark;--font:{FONT};{light}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}{_LOOK}"
    )
