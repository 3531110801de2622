"""What can go wrong with a conversation only: its template and its tools. Statuses and error types are TGI's."""

from freesh_plugin.adapters.tgi.http.errors import ApiError


def template_error(reason: str) -> ApiError:
    """A template that refuses the conversation, fails or is missing."""
    return ApiError(422, f"Template error: {reason}", "template_error", "template")


def missing_variable(reason: str) -> ApiError:
    """A template that uses a variable it was not given."""
    return ApiError(422, f"Missing template variable: {reason}", "missing_template_variable", "template")


def tool_error(reason: str) -> ApiError:
    """Tools that contradict the rest of the request, or an answer that is no tool call."""
    return ApiError(422, f"Tool error: {reason}", "tool_error")
