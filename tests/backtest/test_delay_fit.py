from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hftlab.backtest.delay_fit import FitKind, FitReport, PartReport, Sample, check_kind, fit_delay, report_on
from hftlab.backtest.delay_models import Autocorrelated, Constant, DelayModel, Lognormal
from hftlab.backtest.recorded_delays import Recorded
from hftlab.errors import ArgumentError

START = 1_767_364_200 * 10**9
N = 20_000


def sample_of(model: DelayModel, n: int = N, *, every: float = 1e8, seed: int = 7) -> Sample:
    """Delays of messages that come at random."""
    at = np.cumsum(np.random.default_rng(seed).exponential(every, n)).astype(np.int64) + START
    return Sample(at, model.start(seed, 0).draws(at), at)


class TestFit:
    """Of delays drawn from known parameters, these come back."""

    @pytest.mark.parametrize("minimum", ["0", "200us", "900us"])
    @pytest.mark.parametrize("sigma", [0.2, 0.5, 1.5])
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_lognormal(self, minimum: str, sigma: float, seed: int) -> None:
        model = Lognormal("1ms", sigma, minimum)
        found = fit_delay(sample_of(model, seed=seed), "lognormal")
        assert isinstance(found, Lognormal)
        above = model.median - model.minimum
        # Five standard errors. That of a median is 1.25 sigma / sqrt(n); those of the minimum and of the upper tail are
        # the largest of 150 other samples for each of these parameters, fitted the same way.
        error = 5 / math.sqrt(N)
        assert found.median == pytest.approx(model.median, abs=1.25 * sigma * above * error)
        assert found.minimum == pytest.approx(model.minimum, abs=1.3 / sigma * above * error)
        tail, true_tail = (
            one.minimum + (one.median - one.minimum) * math.exp(2.326 * one.sigma) for one in (found, model)
        )
        assert tail == pytest.approx(true_tail, rel=3.1 * sigma * error)

    @pytest.mark.parametrize("correlation", [None, 0.9, 0.5])
    @pytest.mark.parametrize(("time_constant", "error"), [("50ms", 0.07), ("1s", 0.08), ("10s", 0.15)])
    @pytest.mark.parametrize("seed", [1, 2])
    def test_autocorrelated(self, correlation: float | None, time_constant: str, error: float, seed: int) -> None:
        """Within four standard errors: those of 40 other samples of the same, and at most 0.03 of the correlation."""
        model = Autocorrelated("1ms", 0.5, time_constant=time_constant, correlation=correlation)
        found = fit_delay(sample_of(model, seed=seed), "autocorrelated")
        assert isinstance(found, Autocorrelated)
        assert found.time_constant == pytest.approx(model.time_constant, rel=4 * error)
        assert (found.correlation or 1) == pytest.approx(correlation or 1, abs=4 * 0.03)
        # The level is worth less the longer a period lasts.
        assert math.log(found.median / model.median) == pytest.approx(0, abs=4 * 0.3 * error)

    def test_a_correlation_of_messages_that_come_evenly(self) -> None:
        at = np.arange(N) * 10**8 + START
        model = Autocorrelated("1ms", 0.5, correlation=0.8)
        sample = Sample(at, model.start(7, 0).draws(at), at)
        found = fit_delay(sample, "autocorrelated")
        assert isinstance(found, Autocorrelated)
        assert found.time_constant is not None
        for lag in (1, 3):
            fitted = (found.correlation or 1) * math.exp(-lag * 1e8 / found.time_constant)
            assert fitted == pytest.approx(0.8**lag, abs=0.03)
        assert report_on(sample).correlation == pytest.approx(0.8, abs=0.03)

    def test_delays_without_a_memory(self) -> None:
        sample = sample_of(Lognormal("1ms", 0.5))
        found = fit_delay(sample, "autocorrelated")
        assert isinstance(found, Autocorrelated)
        z = np.log(found.start(1, 0).draws(sample.at))
        for seen in (report_on(sample).correlation, float(np.corrcoef(z[1:], z[:-1])[0, 1])):
            assert abs(seen) < 0.05

    def test_a_constant_is_the_median(self) -> None:
        assert fit_delay(Sample(np.arange(3), np.array([5, 900, 7]), np.arange(3)), "constant") == Constant(7)

    def test_a_recorded_one_is_the_course(self) -> None:
        sample = sample_of(Lognormal("1ms", 0.5), 50)
        found = fit_delay(sample, "recorded")
        assert isinstance(found, Recorded)
        assert found.draws(sample.at).tolist() == sample.latency.tolist()


class TestOddSamples:
    @pytest.mark.parametrize("kind", ["lognormal", "autocorrelated"])
    def test_the_same_delay_throughout(self, kind: FitKind) -> None:
        sample = Sample(at := np.arange(30) + START, np.full(30, 700), at)
        assert fit_delay(sample, kind) == Lognormal(700, 0.0, minimum=0)
        assert report_on(sample) == PartReport(30, 700, 700, 0.0, 0)

    def test_all_at_one_moment(self) -> None:
        """Nothing is learnt of how long a slow period lasts."""
        at = np.full(30, START)
        sample = Sample(at, sample_of(Lognormal("1ms", 0.5), 30).latency, at)
        found = fit_delay(sample, "autocorrelated")
        assert isinstance(found, Autocorrelated)
        assert found.time_constant == 1

    def test_a_few_odd_messages_do_not_matter(self) -> None:
        sample = sample_of(Lognormal("1ms", 0.5))
        odd = sample.latency.copy()
        odd[::1000] = 10**12
        odd[1::1000] = 0
        found, clean = fit_delay(sample._replace(latency=odd), "lognormal"), fit_delay(sample, "lognormal")
        assert isinstance(found, Lognormal)
        assert isinstance(clean, Lognormal)
        assert found.median == pytest.approx(clean.median, rel=0.01)
        assert found.sigma == pytest.approx(clean.sigma, rel=0.1)

    def test_one_delay(self) -> None:
        assert report_on(Sample(at := np.array([START]), np.array([5]), at, 3), "a note") == PartReport(
            1, 5, 5, 0.0, 3, "a note"
        )


class TestReport:
    REPORT = FitReport(
        "day", "lognormal", 1, 2, 3, {"feed": PartReport(1234, 1_500_000, 9_000_000, 0.876, 250, "ts_recv - ts_event")}
    )

    def test_says_what_was_found(self) -> None:
        assert str(self.REPORT).splitlines() == [
            "fitted on day (lognormal):",
            "part  n      median  p99  correlation  clock shift  note",
            "feed  1,234  1.5ms   9ms  0.88         250ns        ts_recv - ts_event",
        ]
        table = self.REPORT.table()
        assert "Latency of day, lognormal" in table
        assert "<td>1.5ms</td>" in table

    def test_survives_its_dict(self) -> None:
        assert FitReport.from_dict(json.loads(json.dumps(self.REPORT.to_dict()))) == self.REPORT


def test_a_kind_that_does_not_exist() -> None:
    check_kind("recorded")
    with pytest.raises(ArgumentError, match="kind is 'log_normal': it is one of constant, recorded, logn") as caught:
        check_kind("log_normal")
    assert caught.value.instead == {"log_normal": "'lognormal'"}
