from __future__ import annotations

from hftlab.widgets.visibility import Audience


def test_nobody_watches_at_first():
    assert not Audience().watching


def test_a_visible_view_watches_until_it_is_hidden():
    audience = Audience()
    audience.hear("a", visible=True, through_cells=False)
    assert audience.watching
    audience.hear("a", visible=False, through_cells=False)
    assert not audience.watching


def test_one_of_two_views_is_enough():
    audience = Audience()
    audience.hear("a", visible=True, through_cells=False)
    audience.hear("b", visible=True, through_cells=False)
    audience.hear("a", visible=False, through_cells=False)
    assert audience.watching


def test_a_silent_view_is_gone_and_comes_back_when_heard():
    audience = Audience(patience=10)
    audience.hear("a", visible=True, through_cells=False)
    audience.age(9, busy=False)
    assert audience.watching
    audience.age(2, busy=False)
    assert not audience.watching
    audience.hear("a", visible=True, through_cells=False)
    assert audience.watching


def test_signs_of_life_keep_a_view():
    audience = Audience(patience=10)
    for _ in range(5):
        audience.hear("a", visible=True, through_cells=False)
        audience.age(9, busy=False)
    assert audience.watching


def test_a_busy_kernel_does_not_take_a_view_for_gone():
    audience = Audience(patience=10)
    audience.hear("a", visible=True, through_cells=False)
    audience.age(1000, busy=True)
    assert audience.watching
    audience.age(11, busy=False)
    assert not audience.watching


def test_a_view_that_was_heard_during_a_cell_is_gone_when_silent_even_then():
    audience = Audience(patience=10)
    audience.hear("a", visible=True, through_cells=True)
    audience.hear("a", visible=True, through_cells=False)
    audience.age(11, busy=True)
    assert not audience.watching


def test_a_displayed_widget_is_watched_before_its_page_could_say_so():
    audience = Audience(patience=10)
    audience.expect()
    audience.age(60, busy=True)
    assert audience.watching
    audience.hear("a", visible=False, through_cells=False)
    assert not audience.watching


def test_a_view_that_was_expected_and_never_came_is_forgotten():
    audience = Audience(patience=10)
    audience.expect()
    audience.age(11, busy=False)
    assert not audience.watching


def test_after_a_long_time_unheard_there_is_doubt():
    audience = Audience(unheard=300)
    audience.hear("a", visible=True, through_cells=False)
    audience.age(301, busy=True)
    assert audience.watching
    assert audience.doubtful
    audience.hear("a", visible=True, through_cells=False)
    assert not audience.doubtful
