"""What the user's own model and code raise when they do not fit the pictures."""

from __future__ import annotations

# Wrong shapes and types raise RuntimeError (also out of memory), missing axes IndexError;
# torchvision's transformers assert the size of their input.
MISFITS = (RuntimeError, AssertionError, IndexError)


def first_line(error: BaseException) -> str:
    """Return the first line of what ``error`` tells, or its type if it tells nothing."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
