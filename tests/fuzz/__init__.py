"""Broken files by the thousand: a reader gives an image or one clear refusal, soon and in little memory.

``python -m tests.fuzz --inputs 2000`` says how many inputs each reader saw; a case that breaks one is kept in a folder.
"""
