"""A figure that keeps to itself wherever it is shown, notebooks included."""

from __future__ import annotations

from typing import Any

from plotly.graph_objects import Figure

from dashboard.theme import CONFIG


class Canvas(Figure):  # type: ignore[misc]
    """A plotly figure without the button that uploads its data, which plotly adds by default."""

    def show(self, *args: Any, **options: Any) -> Any:
        """Show it in the notebook or the browser."""
        return super().show(*args, **({"config": CONFIG} | options))

    _ipython_display_ = None  # plotly's own fetches what draws from afar; what follows does not

    def _repr_mimebundle_(self, *_: Any, **__: Any) -> dict[str, Any]:
        from dashboard.notebook_picture import bundle

        return bundle(self)

    def _repr_html_(self) -> str:
        from dashboard.notebook_picture import picture

        return picture(self)
