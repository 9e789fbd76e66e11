from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.delay_models import Autocorrelated, Constant, DelayModel, Lognormal
from hftlab.backtest.recorded_delays import Recorded
from hftlab.errors import ArgumentError

START = 1_767_364_200 * 10**9
MODELS: list[DelayModel] = [
    Constant("5ms"),
    Lognormal("1ms", 0.5),
    Lognormal("1ms", 0.5, minimum="200us"),
    Autocorrelated("1ms", 0.5, correlation=0.9),
    Autocorrelated("1ms", 0.5, "200us", time_constant="2s"),
    Autocorrelated("1ms", 0.5, correlation=0.8, time_constant="2s"),
    Recorded([START, START + 10**9], [10**6, 2 * 10**6]),
]
every_model = pytest.mark.parametrize("model", MODELS, ids=repr)
TIMES = st.lists(st.integers(0, 10**9), min_size=1, max_size=40).map(lambda steps: np.cumsum(steps) + START)


@every_model
class TestDraws:
    @given(at=TIMES, seed=st.integers(0, 2**32), cut=st.integers(0, 40))
    def test_a_column_is_what_one_by_one_gives(self, model: DelayModel, at: np.ndarray, seed: int, cut: int) -> None:
        """Wherever it is cut: a session that ends earlier has the same delays before its end."""
        one = model.start(seed, 0)
        expected = [one.draw(int(time)) for time in at]
        column = model.start(seed, 0)
        assert [*column.draws(at[:cut]).tolist(), *column.draws(at[cut:]).tolist()] == expected
        assert model.start(seed, 0).draws(at).tolist() == expected

    def test_is_never_below_0(self, model: DelayModel) -> None:
        delays = model.start(3, 0).draws(np.arange(10_000) * 10**6 + START)
        assert delays.dtype == np.int64
        assert delays.min() >= getattr(model, "minimum", 0)

    def test_a_checkpoint_is_gone_back_to_any_number_of_times(self, model: DelayModel) -> None:
        at = np.arange(5) * 10**8 + START
        draws = model.start(3, 0)
        draws.draws(at)
        then = draws.checkpoint()
        expected = draws.draws(at).tolist()
        for _ in range(2):
            draws.restore(then)
            assert draws.draws(at).tolist() == expected

    def test_is_a_model_that_starts_anew_each_time(self, model: DelayModel) -> None:
        assert isinstance(model, DelayModel)
        at = np.arange(5) * 10**8 + START
        assert model.start(3, 0).draws(at).tolist() == model.start(3, 0).draws(at).tolist()


class TestEquality:
    def test_is_that_of_the_parameters(self) -> None:
        assert Lognormal("1ms", 0.5) == Lognormal(1_000_000, 0.5)
        assert Lognormal("1ms", 0.5) != Lognormal("1ms", 0.6)
        assert Autocorrelated("1ms", 0.5, correlation=0.9) != Autocorrelated("1ms", 0.5, correlation=0.8)
        assert len({Constant("5ms"), Constant(5_000_000), Constant(4)}) == 2

    @pytest.mark.parametrize("model", MODELS[:-1], ids=repr)
    def test_its_repr_makes_it_again(self, model: DelayModel) -> None:
        names = {"Constant": Constant, "Lognormal": Lognormal, "Autocorrelated": Autocorrelated}
        assert eval(repr(model), names) == model

    @every_model
    def test_its_dict_is_json(self, model: DelayModel) -> None:
        values = model.to_dict()
        assert json.loads(json.dumps(values)) == values
        assert values["model"] == type(model).__name__.lower()


class TestRandom:
    def test_seeds_and_purposes_have_numbers_of_their_own(self) -> None:
        model, at = Lognormal("1ms", 0.5), np.full(20_000, START)
        columns = [np.log(model.start(seed, purpose).draws(at)) for seed, purpose in ((1, 0), (1, 1), (2, 0), (2, 1))]
        independent = np.corrcoef(columns) - np.eye(4)
        assert np.abs(independent).max() < 5 / math.sqrt(20_000)

    @pytest.mark.parametrize("minimum", ["0", "900us"])
    @pytest.mark.parametrize("sigma", [0.1, 1.0])
    def test_lognormal_has_its_median_and_sigma(self, minimum: str, sigma: float) -> None:
        n, model = 40_000, Lognormal("1ms", sigma, minimum)
        logs = np.log(model.start(1, 0).draws(np.full(n, START)) - model.minimum) - math.log(10**6 - model.minimum)
        assert abs(logs.mean()) < 5 * sigma / math.sqrt(n)
        assert logs.std() == pytest.approx(sigma, rel=5 / math.sqrt(2 * n))

    @pytest.mark.parametrize("step", [10**8, 10**9])
    def test_a_time_constant_is_a_correlation_that_fades(self, step: int) -> None:
        n = 40_000
        at = np.arange(n) * step + START
        z = np.log(Autocorrelated("1ms", 0.5, time_constant="1s").start(1, 0).draws(at))
        expected = math.exp(-step / 10**9)
        assert np.corrcoef(z[1:], z[:-1])[0, 1] == pytest.approx(expected, abs=5 / math.sqrt(n))

    def test_a_correlation_is_that_of_messages_whatever_the_time(self) -> None:
        n = 40_000
        at = np.cumsum(np.random.default_rng(1).exponential(1e8, n)).astype(np.int64) + START
        z = np.log(Autocorrelated("1ms", 0.5, correlation=0.9).start(1, 0).draws(at))
        for lag in (1, 2, 5):
            assert np.corrcoef(z[lag:], z[:-lag])[0, 1] == pytest.approx(0.9**lag, abs=0.02)

    def test_with_both_a_part_lasts(self) -> None:
        n, step = 40_000, 10**8
        model = Autocorrelated("1ms", 0.5, correlation=0.6, time_constant="1s")
        z = np.log(model.start(1, 0).draws(np.arange(n) * step + START))
        assert z.std() == pytest.approx(0.5, rel=0.02)
        for lag in (1, 5, 20):
            assert np.corrcoef(z[lag:], z[:-lag])[0, 1] == pytest.approx(0.6 * math.exp(-lag / 10), abs=0.03)

    def test_without_a_memory_it_is_lognormal(self) -> None:
        at = np.full(100, START)
        memoryless = Autocorrelated("1ms", 0.5, correlation=0.0).start(7, 0).draws(at)
        assert memoryless.tolist() == Lognormal("1ms", 0.5).start(7, 0).draws(at).tolist()

    def test_without_a_width_it_is_constant(self) -> None:
        assert set(Lognormal("1ms", 0).start(7, 0).draws(np.full(100, START)).tolist()) == {10**6}


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ({"median": -1, "sigma": 0.5}, "median is -1: a latency is at least 0"),
            ({"median": "1ms", "sigma": -0.1}, "sigma is -0.1: it is a number from 0 to 10"),
            ({"median": "1ms", "sigma": float("nan")}, "sigma is nan"),
            ({"median": "1ms", "sigma": "0.5"}, "sigma is '0.5'"),
            ({"median": "1ms", "sigma": 11}, "sigma is 11"),
            ({"median": "1ms", "sigma": 0.5, "minimum": "2ms"}, "minimum is '2ms', above the median of '1ms'"),
        ],
    )
    def test_a_shape_that_cannot_be(self, arguments: dict[str, Any], says: str) -> None:
        with pytest.raises(ArgumentError, match=says):
            Lognormal(**arguments)
        with pytest.raises(ArgumentError, match=says):
            Autocorrelated(**arguments, correlation=0.5)

    @pytest.mark.parametrize(
        ("memory", "says"),
        [
            (
                {},
                "such as 0.9 with the last one, a time_constant=, such as '2s', or both; got neither",
            ),
            ({"correlation": 1}, "correlation is 1: it is a number from 0 to below 1"),
            ({"correlation": -0.1}, "correlation is -0.1"),
            ({"time_constant": 0}, r"time_constant is 0: without a memory a latency is a Lognormal"),
            ({"time_constant": "soon"}, "time_constant is 'soon'"),
        ],
    )
    def test_a_memory_that_cannot_be(self, memory: dict[str, Any], says: str) -> None:
        with pytest.raises(ArgumentError, match=says):
            Autocorrelated("1ms", 0.5, **memory)
