"""Any order of uses of an object store, compared after each with what a dictionary would hold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cellcommons.canonical import sha256_hex
from cellcommons.errors import NotFound
from cellcommons.store import ObjectStore

# Few contents, so that the same one is put, deleted and put again.
CONTENTS = st.sampled_from([0, 1, 1000, 70_000, 300_000]).map(lambda size: b"cells"[size % 5 :][:1] * size)
REFS = st.sampled_from(["a", "runs/1/state", "runs/1/cancel", "runs/2/state"])


def any_order_of_uses(make_store: Callable[[], ObjectStore], *, examples: int, steps: int) -> None:
    """Run the machine against fresh stores; raises where a store and the dictionary differ."""

    class Uses(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.store = make_store()
            self.objects: dict[str, bytes] = {}
            self.refs: dict[str, bytes] = {}

        @rule(data=CONTENTS)
        def put(self, data: bytes) -> None:
            self.objects[self.store.put(data)] = data

        @rule(data=CONTENTS)
        def put_file(self, data: bytes) -> None:
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                self.objects[self.store.put_file(Path(file.name))] = data

        @rule(contents=st.lists(CONTENTS, max_size=4), breaks_off=st.booleans())
        def batch(self, contents: list[bytes], breaks_off: bool) -> None:
            try:
                with self.store.batch() as batch:
                    put = {batch.put(data): data for data in contents}
                    assert all(batch.get(digest) == data for digest, data in put.items())
                    if breaks_off:
                        raise InterruptedError
            except InterruptedError:
                return
            self.objects |= put

        @rule(data=CONTENTS)
        def delete(self, data: bytes) -> None:
            self.store.delete(sha256_hex(data))
            self.objects.pop(sha256_hex(data), None)

        @rule(data=CONTENTS, at=st.integers(0, 400_000), count=st.integers(0, 200_000))
        def read(self, data: bytes, at: int, count: int) -> None:
            digest = sha256_hex(data)
            if digest not in self.objects:
                for use in (self.store.get, self.store.open, self.store.size):
                    try:
                        use(digest)
                    except NotFound:
                        continue
                    raise AssertionError(f"{digest} was deleted")
                return
            assert self.store.get(digest) == data
            with self.store.open(digest) as handle:
                handle.seek(at)
                assert handle.read(count) == data[at : at + count]

        @rule(name=REFS, data=st.binary(max_size=20))
        def put_ref(self, name: str, data: bytes) -> None:
            self.store.put_ref(name, data)
            self.refs[name] = data

        @rule(name=REFS)
        def delete_ref(self, name: str) -> None:
            self.store.delete_ref(name)
            self.refs.pop(name, None)

        @rule()
        def tidy(self) -> None:
            self.store.tidy(older_than=3600)

        @rule(name=REFS)
        def read_ref(self, name: str) -> None:
            assert self.store.get_ref(name) == self.refs.get(name)

        @invariant()
        def what_is_listed_is_what_is_kept(self) -> None:
            assert {kept.digest: kept.size for kept in self.store.listing()} == {
                digest: len(data) for digest, data in self.objects.items()
            }

    profile: Any = settings(max_examples=examples, stateful_step_count=steps, deadline=None, database=None)
    run_state_machine_as_test(Uses, settings=profile)
