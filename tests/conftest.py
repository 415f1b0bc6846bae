"""What all tests share: the check of the marker `shows`, and the laboratory in which it is shown."""

from tests.lab import lab
from tests.systems.knockout import pytest_generate_tests

__all__ = ["lab", "pytest_generate_tests"]
