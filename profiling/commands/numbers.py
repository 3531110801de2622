"""Lists of numbers on a command line: `1,8,32`."""

import typer


def whole_numbers(text: str) -> tuple[int, ...]:
    """Numbers of a list with commas.

    Raises:
        typer.BadParameter: one is not a whole number above 0.
    """
    try:
        numbers = tuple(int(each) for each in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r}: expected whole numbers with commas between them") from None
    if min(numbers) < 1:
        raise typer.BadParameter(f"{text!r}: expected numbers above 0")
    return numbers
