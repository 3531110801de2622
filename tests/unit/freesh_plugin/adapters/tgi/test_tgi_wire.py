"""Wire messages against bytes worked by hand from the protocol's field numbers, and against protoc's own rules."""

from collections.abc import Iterator

import pytest
from google.protobuf.message import DecodeError

from freesh_plugin.adapters.tgi import messages, wire


def test_request_bytes_by_hand() -> None:
    request = messages.Request(id=5, truncate=300, blocks=[1, 2], slots=[300], chunk_len=0, add_special_tokens=True)
    by_hand = (
        "0805"  # 1: id = 5
        "18ac02"  # 3: truncate = 300
        "4a020102"  # 9: blocks, packed
        "5202ac02"  # 10: slots, packed
        "6801"  # 13: add_special_tokens
        "7000"  # 14: chunk_len, present though 0
    )
    assert request.SerializeToString().hex() == by_hand


def test_step_response_bytes_by_hand() -> None:
    tokens = bytes.fromhex("0a01071204000000bf1a026869220100")  # ids [7], logprobs [-0.5], texts, special
    text = bytes.fromhex("0a02686910011801")  # "hi", one token, end of sequence
    generation = b"\x08\x09" + _sub(3, tokens) + _sub(4, text)
    cached = bytes.fromhex("0803120109180120102801")
    response = messages.DecodeResponse.FromString(
        _sub(1, generation) + _sub(2, cached) + bytes.fromhex("18c801206428ac02")
    )
    (generated,) = response.generations
    assert (generated.request_id, list(generated.tokens.ids), list(generated.tokens.logprobs)) == (9, [7], [-0.5])
    assert (list(generated.tokens.texts), list(generated.tokens.is_special)) == (["hi"], [False])
    assert generated.generated_text.text == "hi"
    assert generated.generated_text.finish_reason == messages.FINISH_REASON_EOS_TOKEN
    assert not generated.HasField("prefill_tokens")
    assert (response.batch.id, list(response.batch.request_ids), response.batch.current_tokens) == (3, [9], 1)
    assert (response.forward_ns, response.decode_ns, response.total_ns) == (200, 100, 300)
    assert not response.HasField("concat_ns")


def test_presence_is_kept_where_the_protocol_has_it() -> None:
    for name, fields in wire.MESSAGES.items():
        message = getattr(messages, name)()
        for field in fields:
            if field.label in ("optional", "oneof"):
                assert not message.HasField(field.name)
            elif field.label == "" and field.kind not in wire.MESSAGES:
                with pytest.raises(ValueError, match="presence"):
                    message.HasField(field.name)


def test_a_chunk_is_text_or_image() -> None:
    chunk = messages.InputChunk(text="a")
    chunk.image.data = b"x"
    assert chunk.WhichOneof("chunk") == "image"
    assert messages.InputChunk().WhichOneof("chunk") is None


def test_fields_of_a_later_protocol_are_tolerated() -> None:
    later = bytes.fromhex("0805a00601")  # field 100, unknown here
    assert messages.Request.FromString(later).id == 5


def test_broken_bytes_are_refused() -> None:
    with pytest.raises(DecodeError):
        messages.Batch.FromString(b"\x12\x7f\x08")


def test_enumerations_have_the_protocols_numbers() -> None:
    assert (messages.GRAMMAR_TYPE_NONE, messages.GRAMMAR_TYPE_JSON, messages.GRAMMAR_TYPE_REGEX) == (0, 1, 2)
    assert (messages.FINISH_REASON_LENGTH, messages.FINISH_REASON_STOP_SEQUENCE) == (0, 2)


@pytest.mark.parametrize("name", list(wire.MESSAGES))
def test_field_numbers_are_unique(name: str) -> None:
    numbers = [field.number for field in wire.MESSAGES[name]]
    assert sorted(set(numbers)) == sorted(numbers)
    assert all(kind in wire.MESSAGES or kind in wire.ENUMS or kind.islower() for kind in _kinds(name))


def _kinds(name: str) -> Iterator[str]:
    return (field.kind for field in wire.MESSAGES[name])


def _sub(number: int, payload: bytes) -> bytes:
    """A length-delimited field shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(payload)]) + payload
