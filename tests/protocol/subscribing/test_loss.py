from __future__ import annotations

from hftlab.protocol.subscribing.loss import Loss


def test_both_ends_of_a_loss_are_lost() -> None:
    assert Loss(1, 4, 6, "gap").messages == 3
    assert Loss(1, 4, 4, "lost").messages == 1
