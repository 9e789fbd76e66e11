from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.fill_models import FILL_MODELS, FillModel
from hftlab.backtest.queue_models import QueueModel
from hftlab.errors import ArgumentError, ArgumentTypeError

POWERS = ("power", "power2", "power3")


@st.composite
def models(draw: st.DrawFn) -> FillModel:
    name = draw(st.sampled_from(FILL_MODELS))
    n = draw(st.none() | st.integers(1, 100) | st.floats(0.5, 100)) if name in POWERS else None
    return FillModel(name, n, impact=name == "fifo" and draw(st.booleans()))


class TestNames:
    def test_are_fifo_and_the_queue_models(self) -> None:
        assert FILL_MODELS == ("fifo", "risk_averse", "power", "log", "log2", "power2", "power3")
        assert [FillModel(name).queue_model for name in FILL_MODELS] == [None, *QueueModel]

    def test_a_power_without_an_exponent_has_2(self) -> None:
        assert FillModel("power") == FillModel("power", 2)
        assert FillModel("log").n is None

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("fifo", FillModel("fifo")),
            ("power", FillModel("power", 2.0)),
            ("power(3)", FillModel("power", 3.0)),
            (" power2 ( n = 1.5 ) ", FillModel("power2", 1.5)),
            ("Risk-averse", FillModel("risk_averse")),
            ("risk averse", FillModel("risk_averse")),
        ],
    )
    def test_are_read_from_text(self, text: str, expected: FillModel) -> None:
        assert FillModel.parse(text) == expected

    @given(models())
    def test_a_model_is_what_its_text_repr_and_dict_say(self, model: FillModel) -> None:
        again = FillModel.from_dict(json.loads(json.dumps(model.to_dict())))
        assert again == model
        assert hash(again) == hash(model)
        read = FillModel.parse(str(model))
        assert read.name == model.name
        if model.n is not None:
            assert read.n == pytest.approx(model.n, rel=1e-5)  # a text for people
            assert f"n={model.n:g}" in repr(model)
        assert ("impact=True" in repr(model)) == model.impact


class TestDefault:
    def test_is_fifo_where_the_data_has_orders_else_risk_averse(self) -> None:
        assert FillModel.of(None, has_orders=True) == FillModel("fifo")
        assert FillModel.of(None, has_orders=False) == FillModel("risk_averse")

    def test_every_model_by_size_is_one_for_data_with_orders_as_well(self) -> None:
        assert FillModel.of("log2", has_orders=True) == FillModel("log2")
        model = FillModel("power", 3)
        assert FillModel.of(model, has_orders=False) is model


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("risk_adverse", "nearest: 'risk_averse'"),
            ("", "there is no fill model ''"),
            ("power(x)", r"write it as 'power\(3\)'"),
            ("power()", r"write it as 'power\(3\)'"),
            ("power(0)", "above 0 and at most 100"),
            ("power(nan)", "above 0 and at most 100"),
            ("power(101)", "above 0 and at most 100"),
            ("log(2)", "log has no exponent, got n=2.0"),
            ("power(3", "there is no fill model"),
        ],
    )
    def test_a_text_that_names_no_model(self, text: str, says: str) -> None:
        with pytest.raises(ArgumentError, match=says):
            FillModel.parse(text)

    def test_the_nearest_name_is_offered(self) -> None:
        with pytest.raises(ArgumentError) as caught:
            FillModel.parse("powr")
        assert caught.value.instead == {"powr": "'power'"}

    def test_an_exponent_is_a_number(self) -> None:
        with pytest.raises(ArgumentError, match="the exponent of power is True"):
            FillModel("power", True)

    def test_impact_needs_the_recorded_orders(self) -> None:
        with pytest.raises(ArgumentError, match="impact=True is for 'fifo' alone"):
            FillModel("power", impact=True)
        with pytest.raises(ArgumentTypeError, match="impact is 'yes'"):
            FillModel("fifo", impact="yes")  # type: ignore[arg-type]

    def test_fifo_needs_order_level_events(self) -> None:
        with pytest.raises(ArgumentError, match="the session has no order-level events") as caught:
            FillModel.of("fifo", has_orders=False)
        assert caught.value.arguments == {"fill": "'risk_averse'"}

    def test_what_is_neither_a_name_nor_a_model(self) -> None:
        with pytest.raises(ArgumentTypeError, match=r"fill is 3: give a name such as 'risk_averse' or 'power\(3\)'"):
            FillModel.of(3, has_orders=True)  # type: ignore[arg-type]
