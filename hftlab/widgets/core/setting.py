"""A setting of a widget's view as an attribute of the widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from hftlab.widgets.core.live_widget import LiveWidget

__all__ = ["Setting"]

T = TypeVar("T")


class Setting(Generic[T]):
    """Attribute of a widget that is read from the settings of its first view, and changed by the view's set()."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, widget: None, owner: type) -> Self: ...
    @overload
    def __get__(self, widget: LiveWidget, owner: type) -> T: ...
    def __get__(self, widget: Any, owner: type) -> Any:
        return self if widget is None else next(iter(widget.views.values())).settings[self._name]

    def __set__(self, widget: LiveWidget, value: T) -> None:
        next(iter(widget.views.values())).set({self._name: value})
