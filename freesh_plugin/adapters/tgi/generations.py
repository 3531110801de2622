"""What shards answer, as our own tokens and ends."""

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.core.generation import FinishReason, Token

_REASONS = {
    messages.FINISH_REASON_LENGTH: FinishReason.LENGTH,
    messages.FINISH_REASON_EOS_TOKEN: FinishReason.EOS,
    messages.FINISH_REASON_STOP_SEQUENCE: FinishReason.STOP,
}


def tokens_of(tokens: messages.Tokens) -> list[Token]:
    """The tokens in order."""
    if len(tokens.ids) == 1:  # nearly always, and on the path between two steps
        return [Token(tokens.ids[0], tokens.texts[0], tokens.logprobs[0], tokens.is_special[0])]
    columns = zip(tokens.ids, tokens.texts, tokens.logprobs, tokens.is_special, strict=False)
    return [Token(*row) for row in columns]


def prefill_of(tokens: messages.Tokens) -> list[Token]:
    """The prompt's tokens; the first one has no log-probability, which shards send as NaN."""
    columns = zip(tokens.ids, tokens.texts, tokens.logprobs, strict=False)
    return [Token(id, text, None if logprob != logprob else logprob) for id, text, logprob in columns]


def reason_of(ended: messages.GeneratedText) -> FinishReason:
    """Why a leg ended."""
    return _REASONS[ended.finish_reason]
