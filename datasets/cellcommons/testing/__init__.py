"""For tests of this library and of what builds on it: hypothesis strategies and suites to subclass.

Needs ``pip install cellcommons[testing]``; nothing outside this package imports hypothesis or pytest.
"""
