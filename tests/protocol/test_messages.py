"""The structs against the reference document and against themselves."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given

from hftlab import protocol
from hftlab.protocol import JSON, MSGPACK, messages
from tests.reference_document import blocks, document
from tests.strategies import messages as any_message


def interface(name: str) -> dict[str, bool]:
    """The fields of a TypeScript interface of the document, and whether each is optional."""
    body = re.search(rf"interface {name} [^{{]*{{(.*?)\n}}", document(), re.DOTALL)
    assert body is not None, name
    # Nested objects keep their own fields: only lines at two spaces belong to the interface.
    return {found[1]: bool(found[2]) for found in re.finditer(r"^  (\w+)(\??):", body[1], re.MULTILINE)}


def enum(name: str) -> set[str]:
    body = re.search(rf"enum {name} {{(.*?)\n}}", document(), re.DOTALL)
    assert body is not None, name
    return set(re.findall(r"= '(\w+)'", body[1]))


def fields(struct: type[messages.Part]) -> dict[str, bool]:
    """The wire names of a struct's own fields, and whether each may be left out."""
    import msgspec

    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    return {field.encode_name: not field.required for field in info.fields}


@pytest.mark.parametrize("block", range(4))
def test_the_documents_examples_survive_a_round_trip(block: int) -> None:
    """Every JSON example of the document decodes and encodes back to the same JSON, by way of both encodings."""
    examples = blocks("json")
    assert len(examples) == 4
    message = protocol.decode(examples[block].encode())
    assert json.loads(protocol.encode(message)) == json.loads(examples[block])
    assert json.loads(protocol.encode(protocol.decode(MSGPACK.encode(message)))) == json.loads(examples[block])


@pytest.mark.parametrize(
    ("name", "struct"),
    [
        ("MarketDataMessage", messages.MarketData),
        ("MarketDataSymbol", messages.MarketDataSymbol),
        ("OrderBookLevel", messages.OrderBookLevel),
        ("OrderUpdateMessage", messages.OrderUpdate),
        ("PositionUpdateMessage", messages.PositionUpdate),
        ("SubscribeMessage", messages.Subscribe),
        ("WebSocketMessage", messages.Base),
    ],
)
def test_structs_have_the_documents_fields(name: str, struct: type[messages.Part]) -> None:
    """Each field of an interface is there under its name, and optional exactly if it is so in the document."""
    ours = fields(struct)
    for field, optional in interface(name).items():
        if field != "type":
            assert ours[field] is optional, field


def test_an_error_has_the_documents_fields() -> None:
    """WebSocketError travels whole; its `type` is `errorType`, as the message has a type of its own."""
    ours = fields(messages.Error)
    for field, optional in interface("WebSocketError").items():
        assert ours["errorType" if field == "type" else field] is optional, field


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("ConnectionState", protocol.ConnectionState),
        ("OrderStatus", protocol.OrderStatus),
        ("WebSocketErrorType", protocol.ErrorType),
    ],
)
def test_enums_have_the_documents_members(name: str, ours: type) -> None:
    assert set(ours) == enum(name)


def literals() -> list[tuple[str, set[str]]]:
    """The messages that the document's code makes, by type: their fields. Nested objects and calls are left out."""
    code = "\n".join(blocks("typescript"))
    found = re.findall(r"\{\s*type: '(\w+)',([^{}]*)\}", code)
    return [(kind, set(re.findall(r"^\s*(\w+)(?=[:,]|\s*$)", rest, re.MULTILINE))) for kind, rest in found]


def test_the_messages_of_the_documents_code_have_our_fields() -> None:
    """Such as the PING of its measureLatency, which waits for its `pingId` to come back."""
    structs = {struct.__struct_config__.tag: struct for struct in messages.Message.__args__}
    made = literals()
    assert {"PING", "AUTH", "HEARTBEAT", "ACK"} <= {kind for kind, _ in made}
    for kind, names in made:
        assert names <= fields(structs[kind]).keys(), kind


def test_the_fields_that_the_documents_code_looks_for_are_ours() -> None:
    structs = {struct.__struct_config__.tag: struct for struct in messages.Message.__args__}
    looked_for = re.findall(r"message\.type === '(\w+)' && message\.(\w+)", document())
    assert ("PONG", "pingId") in looked_for
    for kind, name in looked_for:
        assert name in fields(structs[kind])


@pytest.mark.parametrize("kind", ["PONG", "AUTH_SUCCESS", "AUTH_FAILED"])
def test_an_answer_with_no_more_than_the_document_asks_for_is_taken(kind: str) -> None:
    assert JSON.decode(f'{{"type":"{kind}","timestamp":1}}').type == kind


def test_the_context_of_an_error_may_be_anything() -> None:
    error = JSON.decode(
        b'{"type":"ERROR","timestamp":1,"errorType":"SERVER_ERROR","message":"no","recoverable":true,"context":"why"}'
    )
    assert isinstance(error, messages.Error)
    assert error.context == "why"


def test_data_types_extend_the_documents() -> None:
    assert set(protocol.DataType) == enum("DataType") | {"BOOK_DELTA", "ARBITRAGE"}


def test_every_message_type_of_the_document_exists() -> None:
    """The enum MessageType, and the two answers to AUTH that the document uses without listing them."""
    tags = {struct.__struct_config__.tag for struct in messages.Message.__args__}
    assert enum("MessageType") | {"AUTH_SUCCESS", "AUTH_FAILED"} <= tags


@given(any_message())
def test_any_message_survives_json(message: protocol.Message) -> None:
    assert JSON.decode(JSON.encode(message)) == message


@given(any_message())
def test_any_message_survives_messagepack(message: protocol.Message) -> None:
    assert MSGPACK.decode(MSGPACK.encode(message)) == message


@given(any_message())
def test_the_encoding_is_told_by_the_first_byte(message: protocol.Message) -> None:
    """decode() takes either encoding without being told which."""
    assert protocol.decode(MSGPACK.encode(message)) == protocol.decode(JSON.encode(message)) == message
