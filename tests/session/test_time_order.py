"""Stored times never go back, steps of the clock are found, and the time between rows survives them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.session.time_order import ClockStep, TimeOrder
from tests.strategies import nanoseconds

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
START = 1_760_000_000 * SECOND


def placed(clocks: list[int], steadies: list[int] | None = None) -> tuple[list[int], list[ClockStep]]:
    order = TimeOrder()
    results = [order.place(*reading) for reading in (zip(clocks, steadies) if steadies else ((at,) for at in clocks))]  # noqa: B905
    return [at for at, _ in results], [step for _, step in results if step is not None]


@given(st.lists(nanoseconds()), st.data())
def test_times_never_go_back(clocks: list[int], data: st.DataObject) -> None:
    """Whatever the clock does, with a steady clock and without."""
    some = data.draw(st.one_of(st.none(), st.lists(nanoseconds(), min_size=len(clocks), max_size=len(clocks))))
    times, _ = placed(clocks, None if some is None else sorted(some))
    assert times == sorted(times)


@given(st.lists(nanoseconds()).map(sorted))
def test_a_clock_that_never_goes_back_is_taken_at_its_word(clocks: list[int]) -> None:
    assert placed(clocks) == (clocks, [])


def seconds(*clocks: float) -> list[int]:
    return [START + round(at * SECOND) for at in clocks]


class TestBack:
    def test_rows_behind_a_step_keep_the_time_between_them(self) -> None:
        times, steps = placed(seconds(0, 1, 2, 3 - 3600, 4 - 3600, 5.5 - 3600))
        assert times == seconds(0, 1, 2, 2, 3, 4.5)
        assert steps == [ClockStep(*seconds(2, 3 - 3600))]

    def test_a_steady_clock_says_how_long_the_step_took(self) -> None:
        times, steps = placed(seconds(0, 1, 2 - 3600, 3 - 3600), [0, SECOND, 2 * SECOND, 3 * SECOND])
        assert times == seconds(0, 1, 2, 3)
        assert steps == [ClockStep(*seconds(2, 2 - 3600))]

    def test_two_steps_add_up(self) -> None:
        times, steps = placed(seconds(0, -10, -9, -60, -58))
        assert times == seconds(0, 0, 1, 1, 3)
        assert [step.after for step in steps] == seconds(-10, -60)

    def test_a_clock_that_is_set_right_again_is_believed(self) -> None:
        """NTP put it back by mistake, and corrects itself."""
        times, _ = placed(seconds(0, 1, 2 - 3600, 3 - 3600, 4, 5))
        assert times == seconds(0, 1, 1, 2, 4, 5)

    def test_it_may_be_set_right_to_a_little_before_where_it_was(self) -> None:
        """It was fast when it was set back. Without the rule all later rows would be an hour ahead."""
        clocks = seconds(0, 0.001, 0.002 - 3600, 0.003 - 3600, -0.001, 0, 0.004)
        times, _ = placed(clocks)
        assert times == seconds(0, 0.001, 0.001, 0.002, 0.002, 0.002, 0.004)
        times, steps = placed(clocks, [number * SECOND // 1000 for number in range(7)])
        assert times == seconds(0, 0.001, 0.002, 0.003, 0.003, 0.003, 0.004)
        assert [step.corrects for step in steps] == [False, True]

    def test_a_clock_that_is_set_right_in_part_leaves_the_time_between_rows(self) -> None:
        steadies = [number * SECOND for number in range(5)]
        times, steps = placed(seconds(0, 1, 2 - 3600, 3 - 1800, 4 - 1800), steadies)
        assert times == seconds(0, 1, 2, 3, 4)
        assert steps[1:] == [ClockStep(*seconds(3 - 3600, 3 - 1800), corrects=True)]

    def test_what_goes_beyond_is_a_step_forward(self) -> None:
        """The machine was suspended for an hour as well: from there on, as far as the rows go."""
        steadies = [number * SECOND for number in range(4)]
        times, steps = placed(seconds(0, 1, 2 - 3600, 3 + 3600), steadies)
        assert times == seconds(0, 1, 2, 3603)
        assert steps[1:] == [ClockStep(*seconds(3, 3603))]

    def test_a_clock_that_creeps_back_is_found(self) -> None:
        times, steps = placed(seconds(0, -0.06, -0.12, -0.02))
        assert times == seconds(0, 0, 0, 0.1)
        assert len(steps) == 1

    def test_disorder_among_rows_is_no_step(self) -> None:
        """Threads hand in their messages in another order than they received them."""
        assert placed(seconds(0, -0.05, 0.01)) == (seconds(0, 0, 0.01), [])


class TestForward:
    def test_only_a_steady_clock_tells_it_from_a_silence(self) -> None:
        assert placed(seconds(0, 3600)) == (seconds(0, 3600), [])
        assert placed(seconds(0, 3600), [0, HOUR]) == (seconds(0, 3600), [])

    def test_a_suspended_machine(self) -> None:
        """The steady clock stands meanwhile."""
        times, steps = placed(seconds(0, 1, 3602), [0, SECOND, 2 * SECOND])
        assert times == seconds(0, 1, 3602)
        assert steps == [ClockStep(*seconds(2, 3602))]

    def test_a_reading_without_a_steady_clock_decides_nothing(self) -> None:
        order = TimeOrder()
        order.place(START, 0)
        order.place(START + SECOND)  # such as a control row
        assert order.place(START + HOUR, SECOND) == (START + HOUR, None)


def test_the_text_names_both_times() -> None:
    assert ClockStep(START, START - HOUR).detail == (
        "the clock was set back by 3,600.000 s: from 2025-10-09 08:53:20.000000 UTC to 2025-10-09 07:53:20.000000 UTC"
    )
    assert "went forward" in ClockStep(START, START + HOUR).detail
