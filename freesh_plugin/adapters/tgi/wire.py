"""The protocol `generate.v3` of TGI's shards as tables of facts: messages, fields, numbers, types and calls."""

from typing import NamedTuple

PACKAGE = "generate.v3"
SERVICE = f"{PACKAGE}.TextGenerationService"

CALLS = {
    "Info": ("InfoRequest", "InfoResponse"),
    "ServiceDiscovery": ("ServiceDiscoveryRequest", "ServiceDiscoveryResponse"),
    "ClearCache": ("ClearCacheRequest", "ClearCacheResponse"),
    "FilterBatch": ("FilterBatchRequest", "FilterBatchResponse"),
    "Warmup": ("WarmupRequest", "WarmupResponse"),
    "Prefill": ("PrefillRequest", "PrefillResponse"),
    "Decode": ("DecodeRequest", "DecodeResponse"),
    "Health": ("HealthRequest", "HealthResponse"),
}
"""Each call with its request and its response; all are unary."""

ENUMS = {
    "GrammarType": ("GRAMMAR_TYPE_NONE", "GRAMMAR_TYPE_JSON", "GRAMMAR_TYPE_REGEX"),
    "FinishReason": ("FINISH_REASON_LENGTH", "FINISH_REASON_EOS_TOKEN", "FINISH_REASON_STOP_SEQUENCE"),
}
"""Enumerations, numbered from 0."""


class WireField(NamedTuple):
    """One field: `kind` is a scalar type, a message or an enumeration; `label` is empty for a plain proto3 field."""

    name: str
    number: int
    kind: str
    label: str = ""


def _fields(text: str) -> tuple[WireField, ...]:
    """Fields written as `name number kind [repeated|optional|oneof]`, separated by semicolons."""
    rows = (row.split() for row in text.split(";") if row.strip())
    return tuple(WireField(name, int(number), kind, *label) for name, number, kind, *label in rows)


_STEP_RESPONSE = _fields(
    "generations 1 Generation repeated; batch 2 CachedBatch optional; forward_ns 3 uint64; decode_ns 4 uint64;"
    "total_ns 5 uint64; concat_ns 6 uint64 optional"
)

MESSAGES: dict[str, tuple[WireField, ...]] = {
    "HealthRequest": (),
    "HealthResponse": (),
    "InfoRequest": (),
    "InfoResponse": _fields(
        "requires_padding 1 bool; dtype 2 string; device_type 3 string; window_size 4 uint32 optional;"
        "speculate 5 uint32; support_chunking 6 bool; use_prefix_caching 7 bool; attention_impl 8 string;"
        "block_size 9 uint32"
    ),
    "ServiceDiscoveryRequest": (),
    "ServiceDiscoveryResponse": _fields("urls 1 string repeated"),
    "ClearCacheRequest": _fields("id 1 uint64 optional"),
    "ClearCacheResponse": (),
    "Image": _fields("data 1 bytes; mimetype 2 string"),
    "InputChunk": _fields("text 1 string oneof; image 2 Image oneof"),
    "Input": _fields("chunks 1 InputChunk repeated"),
    "NextTokenChooserParameters": _fields(
        "temperature 1 float; top_k 2 uint32; top_p 3 float; typical_p 4 float; do_sample 5 bool; seed 6 uint64;"
        "repetition_penalty 7 float; watermark 8 bool; frequency_penalty 9 float; grammar 10 string;"
        "grammar_type 11 GrammarType"
    ),
    "StoppingCriteriaParameters": _fields(
        "max_new_tokens 1 uint32; stop_sequences 2 string repeated; ignore_eos_token 3 bool"
    ),
    "Request": _fields(
        "id 1 uint64; inputs 2 string; truncate 3 uint32; parameters 4 NextTokenChooserParameters;"
        "stopping_parameters 5 StoppingCriteriaParameters; prefill_logprobs 6 bool; top_n_tokens 7 uint32;"
        "input_chunks 8 Input; blocks 9 uint32 repeated; slots 10 uint32 repeated; adapter_id 11 string optional;"
        "cache_len 12 uint32; add_special_tokens 13 bool; chunk_len 14 uint32 optional"
    ),
    "Batch": _fields(
        "id 1 uint64; requests 2 Request repeated; size 3 uint32; max_tokens 4 uint32; max_blocks 5 uint32"
    ),
    "CachedBatch": _fields(
        "id 1 uint64; request_ids 2 uint64 repeated; size 3 uint32; max_tokens 4 uint32; current_tokens 5 uint32"
    ),
    "GeneratedText": _fields(
        "text 1 string; generated_tokens 2 uint32; finish_reason 3 FinishReason; seed 4 uint64 optional"
    ),
    "Tokens": _fields(
        "ids 1 uint32 repeated; logprobs 2 float repeated; texts 3 string repeated; is_special 4 bool repeated"
    ),
    "Generation": _fields(
        "request_id 1 uint64; prefill_tokens 2 Tokens; tokens 3 Tokens; generated_text 4 GeneratedText optional;"
        "top_tokens 5 Tokens repeated"
    ),
    "FilterBatchRequest": _fields("batch_id 1 uint64; request_ids 2 uint64 repeated"),
    "FilterBatchResponse": _fields("batch 1 CachedBatch"),
    "PrefillRequest": _fields("batch 1 Batch; cached_batch 2 CachedBatch"),
    "PrefillResponse": _STEP_RESPONSE,
    "DecodeRequest": _fields("batches 1 CachedBatch repeated"),
    "DecodeResponse": _STEP_RESPONSE,
    "WarmupRequest": _fields(
        "batch 1 Batch; max_input_tokens 2 uint32 optional; max_prefill_tokens 3 uint32;"
        "max_total_tokens 4 uint32 optional"
    ),
    "WarmupResponse": _fields(
        "max_supported_total_tokens 1 uint32 optional; max_input_tokens 2 uint32; max_total_tokens 3 uint32"
    ),
}
