"""The table of faults is that of the tests."""

from __future__ import annotations

import ast

from tests import fault_table


def test_the_table_of_faults_is_that_of_the_tests():
    assert fault_table.TABLE.read_text() == fault_table.text(), "make fault-table writes it anew"


def test_marks_of_files_classes_and_tests_are_found():
    source = """
import pytest
pytestmark = [pytest.mark.fault("K1.a")]
class TestIt:
    @pytest.mark.fault("K2.b")
    def test_one(self): ...
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.fault("K3.c"))])
def test_two(x): ...
"""
    assert list(fault_table.marked(ast.parse(source))) == [
        ("K1.a", "TestIt::test_one"),
        ("K2.b", "TestIt::test_one"),
        ("K1.a", "test_two"),
        ("K3.c", "test_two"),
    ]
