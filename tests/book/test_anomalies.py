from __future__ import annotations

import pytest

from hftlab.book.anomalies import CLEAR_BOOK, CROSSED, KINDS, MISMATCH, RAISE, SKIP, policy_codes


class TestPolicyCodes:
    def test_one_policy_is_that_of_every_kind(self) -> None:
        assert policy_codes("raise")[1:].tolist() == [RAISE] * len(KINDS)

    def test_kinds_that_a_mapping_leaves_out_are_skipped(self) -> None:
        codes = policy_codes({"crossed": "clear", "mismatch": "raise"})
        assert (codes[CROSSED], codes[MISMATCH]) == (CLEAR_BOOK, RAISE)
        assert sorted(codes.tolist()) == sorted([SKIP] * (len(KINDS) - 1) + [RAISE, CLEAR_BOOK])

    def test_unknown_names_are_refused_with_the_known_ones(self) -> None:
        with pytest.raises(ValueError, match="'late' is not a kind of anomaly: choose from time_back, no_side"):
            policy_codes({"late": "skip"})  # type: ignore[dict-item]
        with pytest.raises(ValueError, match="'ignore' is not a policy: choose skip, raise or clear"):
            policy_codes("ignore")  # type: ignore[arg-type]
