"""Stand-ins for TGI's server module, model, batch classes and tokenizer: just enough for the exact-ids hook."""

from collections.abc import Callable, Container, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from freesh_plugin.adapters.tgi import messages

PAD_ID = 0


class WordTokenizer:
    """One id a word, by length and first letter; adds id 1 in front unless told otherwise."""

    def __init__(self) -> None:
        self.deprecation_warnings: dict[str, bool] = {}
        self.calls: list[dict[str, object]] = []

    def __len__(self) -> int:
        return 1_000

    def __call__(self, text: str | Sequence[str], **options: Any) -> Mapping[str, Any]:
        self.calls.append(options)
        if isinstance(text, str):
            return {"input_ids": self._ids(text, **options)}
        rows = [self._ids(one, **options) for one in text]
        return self.pad({"input_ids": rows}, padding=options.get("padding", False))

    def pad(
        self, encoded_inputs: Mapping[str, Any], padding: object = False, return_tensors: object = None
    ) -> Mapping[str, Any]:
        rows = encoded_inputs["input_ids"]
        if not padding:
            return {"input_ids": rows}
        longest = max(len(row) for row in rows)
        return {
            "input_ids": [[PAD_ID] * (longest - len(row)) + list(row) for row in rows],
            "attention_mask": [[0] * (longest - len(row)) + [1] * len(row) for row in rows],
        }

    def _ids(self, text: str, max_length: int = 10_000, add_special_tokens: bool = True, **_: object) -> list[int]:
        ids = [(31 * len(word) + ord(word[0])) % 900 + 2 for word in text.split()]
        return ([1] * add_special_tokens + ids)[-max_length:]


class OneByOneBatch:
    """Tokenises as TGI's flash batches do: one request after another, no padding."""

    def __init__(self, all_input_ids: list[Any], input_lengths: list[int]) -> None:
        self.all_input_ids = all_input_ids
        self.input_lengths = input_lengths

    @classmethod
    def from_pb(cls, pb: messages.Batch, tokenizer: WordTokenizer, dtype: object, device: object) -> "OneByOneBatch":
        rows = [
            tokenizer(
                request.input_chunks.chunks[0].text,
                truncation=True,
                max_length=request.truncate,
                add_special_tokens=request.add_special_tokens,
            )["input_ids"]
            for request in pb.requests
        ]
        return cls(rows, [len(row) for row in rows])


class PaddedBatch(OneByOneBatch):
    """Tokenises as TGI's padded batches do: all at once, padded on the left."""

    @classmethod
    def from_pb(cls, pb: messages.Batch, tokenizer: WordTokenizer, dtype: object, device: object) -> "OneByOneBatch":
        encoded = tokenizer(
            [request.input_chunks.chunks[0].text for request in pb.requests],
            return_tensors="pt",
            padding=True,
            return_token_type_ids=False,
            truncation=True,
            max_length=max(request.truncate for request in pb.requests),
        )
        return cls(encoded["input_ids"], [sum(mask) for mask in encoded["attention_mask"]])


class SeeingBatch(OneByOneBatch):
    """Reads images too, by another method."""

    @classmethod
    def from_pb_processor(
        cls,
        pb: messages.Batch,
        tokenizer: WordTokenizer,
        processor: object,
        config: object,
        dtype: object,
        device: object,
    ) -> "OneByOneBatch":
        assert processor == "processor"
        assert config == "config"
        return cls.from_pb(pb, tokenizer, dtype, device)


class FakeServer:
    """The module `text_generation_server.server`; `while_serving` runs where TGI would wait for requests."""

    generate_pb2: Any = messages

    def __init__(self, batch_type: type, while_serving: Callable[["FakeServer"], None]) -> None:
        self.model: Any = SimpleNamespace(
            tokenizer=WordTokenizer(),
            batch_type=batch_type,
            processor="processor",
            model=SimpleNamespace(config="config"),
            dtype=None,
            device=None,
        )
        self.VLM_BATCH_TYPES: Container[object] = {SeeingBatch}
        self.serve: Callable[..., object] = self._serve
        self.get_model_with_lora_adapters: Callable[..., object] = self._get_model
        self._while_serving = while_serving

    def _serve(self, model_id: str, sharded: bool, uds_path: object) -> str:
        self.get_model_with_lora_adapters(model_id)
        self._while_serving(self)
        return "served"

    def _get_model(self, model_id: str) -> object:
        return self.model


class ListLog:
    """Keeps what is logged, formatted."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, message: str, *values: object) -> None:
        self.lines.append(message.format(*values))

    warning = info
