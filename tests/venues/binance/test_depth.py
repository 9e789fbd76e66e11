from __future__ import annotations

from hftlab.venues.binance.depth import DepthRule, HeldUpdate, Verdict
from hftlab.venues.binance.messages import DepthUpdate, Level

TIME = 1_700_000_000_000  # ms


def spot(first: int, last: int) -> DepthUpdate:
    return DepthUpdate("BTCUSDT", TIME, first, last, [], [])


def futures(first: int, last: int, previous: int) -> DepthUpdate:
    return DepthUpdate("BTCUSDT", TIME, first, last, [], [], previous)


def judged(rule: DepthRule, *updates: DepthUpdate) -> list[Verdict]:
    return [rule.update(update, line) for line, update in enumerate(updates, 1)]


class TestSpot:
    def test_updates_wait_for_a_snapshot(self) -> None:
        rule = DepthRule()
        assert judged(rule, spot(1, 5), spot(6, 9)) == [Verdict.HOLD, Verdict.HOLD]
        assert not rule.synchronised

    def test_a_snapshot_is_joined_by_the_held_updates_after_it(self) -> None:
        rule = DepthRule()
        judged(rule, spot(1, 5), spot(6, 9), spot(10, 12))
        held = rule.snapshot(7)
        assert held is not None
        assert [(one.update.last, one.line) for one in held] == [(9, 2), (12, 3)]
        assert judged(rule, *(one.update for one in held)) == [Verdict.APPLY, Verdict.APPLY]

    def test_the_first_update_must_straddle_the_snapshot(self) -> None:
        for first, last, verdict in (
            (6, 7, Verdict.DROP),
            (6, 8, Verdict.APPLY),
            (8, 9, Verdict.APPLY),
            (9, 9, Verdict.GAP),
        ):
            rule = DepthRule()
            assert rule.snapshot(7) == []
            assert judged(rule, spot(first, last)) == [verdict]

    def test_a_hole_voids_the_book_until_the_next_snapshot(self) -> None:
        rule = DepthRule()
        rule.snapshot(7)
        assert judged(rule, spot(8, 9), spot(11, 12), spot(13, 14)) == [Verdict.APPLY, Verdict.GAP, Verdict.HOLD]
        assert not rule.synchronised
        held = rule.snapshot(12)
        assert held is not None
        assert [one.update.last for one in held] == [14]

    def test_a_snapshot_older_than_the_first_held_update_is_of_no_use(self) -> None:
        rule = DepthRule()
        judged(rule, spot(20, 25))
        assert rule.snapshot(18) is None
        assert not rule.synchronised
        assert rule.snapshot(19) is not None

    def test_a_snapshot_behind_the_book_is_of_no_use_and_does_no_harm(self) -> None:
        rule = DepthRule()
        rule.snapshot(7)
        judged(rule, spot(8, 20))
        assert rule.snapshot(15) is None
        assert judged(rule, spot(21, 22)) == [Verdict.APPLY]

    def test_a_snapshot_ahead_of_the_book_replaces_it(self) -> None:
        rule = DepthRule()
        rule.snapshot(7)
        assert rule.snapshot(10) == []
        assert judged(rule, spot(8, 9), spot(10, 12)) == [Verdict.DROP, Verdict.APPLY]

    def test_only_so_many_updates_are_held(self) -> None:
        rule = DepthRule()
        judged(rule, *(spot(number, number) for number in range(1, 10_101)))
        assert rule.snapshot(50) is None
        held = rule.snapshot(100)
        assert held is not None
        assert len(held) == 10_000


class TestIdsThatBeginAnew:
    """The market was reset: its ids are lower than the book's, and its snapshots too."""

    def rule_at_903(self) -> DepthRule:
        rule = DepthRule()
        judged(rule, spot(895, 900))
        rule.snapshot(900)
        assert judged(rule, spot(901, 902), spot(903, 903)) == [Verdict.APPLY, Verdict.APPLY]
        return rule

    def test_a_snapshot_that_the_new_updates_lead_to(self) -> None:
        rule = self.rule_at_903()
        assert judged(rule, spot(8, 12)) == [Verdict.DROP]
        assert rule.snapshot(12) == []
        assert judged(rule, spot(13, 14), spot(16, 17)) == [Verdict.APPLY, Verdict.GAP]
        assert rule.begun_anew == 1

    def test_a_snapshot_in_the_middle_of_the_new_updates(self) -> None:
        rule = self.rule_at_903()
        judged(rule, spot(8, 12), spot(13, 14), spot(15, 15))
        held = rule.snapshot(13)
        assert held is not None
        assert judged(rule, *(one.update for one in held)) == [Verdict.APPLY, Verdict.APPLY]

    def test_a_snapshot_before_the_first_new_update(self) -> None:
        rule = self.rule_at_903()
        assert rule.snapshot(12) is None
        assert judged(rule, spot(11, 12), spot(13, 14)) == [Verdict.DROP, Verdict.ANEW]
        held = rule.snapshot(12)
        assert held is not None
        assert [one.update.last for one in held] == [14]
        assert rule.begun_anew == 1

    def test_a_reset_while_there_is_no_book(self) -> None:
        rule = self.rule_at_903()
        assert judged(rule, spot(950, 951), spot(8, 12), spot(13, 14)) == [Verdict.GAP, Verdict.HOLD, Verdict.HOLD]
        held = rule.snapshot(12)
        assert held is not None
        assert [one.update.last for one in held] == [14]
        assert rule.begun_anew == 1

    def test_several_resets(self) -> None:
        rule = self.rule_at_903()
        for number in range(1, 4):
            # The ids are those of the reset before, the levels are not.
            first, second = (
                DepthUpdate("BTCUSDT", TIME, *ids, [Level(str(number), "1")], []) for ids in ((8, 12), (13, 14))
            )
            assert judged(rule, first) == [Verdict.DROP]
            if rule.snapshot(12) is None:
                assert judged(rule, second) == [Verdict.ANEW]
                assert rule.snapshot(12) == [HeldUpdate(second, 1)]
            assert judged(rule, second) == [Verdict.APPLY]
            assert rule.begun_anew == number

    def test_new_ids_among_the_old_ones(self) -> None:
        rule = DepthRule()
        judged(rule, spot(5, 10))
        rule.snapshot(10)
        assert judged(rule, spot(11, 20), spot(21, 40)) == [Verdict.APPLY, Verdict.APPLY]
        assert judged(rule, spot(7, 12)) == [Verdict.DROP]
        assert rule.snapshot(12) is None  # it may be a late one, until an update says otherwise
        assert judged(rule, spot(13, 14)) == [Verdict.ANEW]

    def test_updates_later_than_the_book_by_a_second_void_it_without_a_snapshot(self) -> None:
        rule = self.rule_at_903()
        late = DepthUpdate("BTCUSDT", TIME + 1001, 8, 12, [], [])
        assert judged(rule, late) == [Verdict.ANEW]
        assert not rule.synchronised
        assert rule.snapshot(12) == []

    def test_a_late_snapshot_is_not_a_reset(self) -> None:
        rule = self.rule_at_903()
        for late in (1, 895, 901, 903):
            assert rule.snapshot(late) is None
            assert judged(rule, spot(901, 902), spot(903, 903)) == [Verdict.DROP, Verdict.DROP]
        assert judged(rule, spot(904, 905)) == [Verdict.APPLY]
        assert rule.begun_anew == 0

    def test_late_updates_of_another_connection_are_not_a_reset(self) -> None:
        rule = self.rule_at_903()
        rule.snapshot(901)
        early = DepthUpdate("BTCUSDT", TIME - 1, 902, 902, [], [])
        assert judged(rule, early, spot(904, 904)) == [Verdict.DROP, Verdict.APPLY]
        assert rule.begun_anew == 0

    def test_futures_begin_anew_alike(self) -> None:
        rule = DepthRule()
        rule.snapshot(900)
        assert judged(rule, futures(895, 901, 890), futures(8, 12, 7)) == [Verdict.APPLY, Verdict.DROP]
        held = rule.snapshot(12)
        assert held is not None
        assert judged(rule, *(one.update for one in held), futures(13, 14, 12)) == [Verdict.APPLY, Verdict.APPLY]
        assert rule.begun_anew == 1


class TestFutures:
    def test_the_first_update_must_hold_the_snapshots_id(self) -> None:
        for first, last, verdict in (
            (4, 6, Verdict.DROP),
            (4, 7, Verdict.APPLY),
            (7, 9, Verdict.APPLY),
            (8, 9, Verdict.GAP),
        ):
            rule = DepthRule()
            rule.snapshot(7)
            assert judged(rule, futures(first, last, previous=3)) == [verdict]

    def test_an_update_that_names_the_snapshots_id_as_the_one_before_follows(self) -> None:
        rule = DepthRule()
        rule.snapshot(7)
        assert judged(rule, futures(9, 12, previous=7)) == [Verdict.APPLY]

    def test_ids_may_jump_but_the_one_before_must_be_right(self) -> None:
        rule = DepthRule()
        rule.snapshot(7)
        updates = futures(6, 9, 5), futures(20, 29, 9), futures(30, 35, 28)
        assert judged(rule, *updates) == [Verdict.APPLY, Verdict.APPLY, Verdict.GAP]

    def test_an_update_seen_twice_is_dropped(self) -> None:
        rule = DepthRule()
        rule.snapshot(7)
        assert judged(rule, futures(6, 9, 5), futures(6, 9, 5)) == [Verdict.APPLY, Verdict.DROP]
