from __future__ import annotations

from hftlab.widgets.core.visibility import Visibility


def test_nothing_is_visible_at_first():
    assert not Visibility().is_visible


def test_a_visible_view_counts_until_it_is_hidden():
    visibility = Visibility()
    visibility.hear("a", visible=True, in_cells=False)
    assert visibility.is_visible
    visibility.hear("a", visible=False, in_cells=False)
    assert not visibility.is_visible


def test_one_of_two_views_is_enough():
    visibility = Visibility()
    visibility.hear("a", visible=True, in_cells=False)
    visibility.hear("b", visible=True, in_cells=False)
    visibility.hear("a", visible=False, in_cells=False)
    assert visibility.is_visible


def test_a_silent_view_is_gone_and_comes_back_when_heard():
    visibility = Visibility(patience=10)
    visibility.hear("a", visible=True, in_cells=False)
    visibility.age(9, busy=False)
    assert visibility.is_visible
    visibility.age(2, busy=False)
    assert not visibility.is_visible
    visibility.hear("a", visible=True, in_cells=False)
    assert visibility.is_visible


def test_signs_of_life_keep_a_view():
    visibility = Visibility(patience=10)
    for _ in range(5):
        visibility.hear("a", visible=True, in_cells=False)
        visibility.age(9, busy=False)
    assert visibility.is_visible


def test_a_busy_kernel_does_not_take_a_view_for_gone():
    visibility = Visibility(patience=10)
    visibility.hear("a", visible=True, in_cells=False)
    visibility.age(1000, busy=True)
    assert visibility.is_visible
    visibility.age(11, busy=False)
    assert not visibility.is_visible


def test_a_view_that_was_heard_during_a_cell_is_not_gone_when_a_later_cell_hears_nothing():
    """Where a kernel reads a page's messages may change: ipykernel 7.4 decides it anew with whatever is published."""
    visibility = Visibility(patience=10)
    visibility.hear("a", visible=True, in_cells=True)
    visibility.age(60, busy=True)
    assert visibility.is_visible
    visibility.age(11, busy=False)
    assert not visibility.is_visible


def test_it_hears_in_cells_what_all_views_say_there():
    visibility = Visibility()
    assert visibility.hears_in_cells is None
    visibility.expect()
    assert visibility.hears_in_cells is None
    visibility.hear("a", visible=True, in_cells=True)
    assert visibility.hears_in_cells is True
    visibility.hear("b", visible=True, in_cells=False)
    assert visibility.hears_in_cells is False
    visibility.hear("b", visible=False, in_cells=False)
    assert visibility.hears_in_cells is True


def test_a_displayed_widget_counts_before_its_page_could_say_so():
    visibility = Visibility(patience=10)
    visibility.expect()
    visibility.age(60, busy=True)
    assert visibility.is_visible
    visibility.hear("a", visible=False, in_cells=False)
    assert not visibility.is_visible


def test_a_view_that_was_expected_and_never_came_is_forgotten():
    visibility = Visibility(patience=10)
    visibility.expect()
    visibility.age(11, busy=False)
    assert not visibility.is_visible


def test_after_a_long_time_unheard_there_is_doubt():
    visibility = Visibility(unheard=300)
    visibility.hear("a", visible=True, in_cells=False)
    visibility.age(301, busy=True)
    assert visibility.is_visible
    assert visibility.is_doubtful
    visibility.hear("a", visible=True, in_cells=False)
    assert not visibility.is_doubtful
