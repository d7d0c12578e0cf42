"""A seed, and shares, that hold the real images out, found before the release is asked for."""

from backend.rehearsal.splitting import part
from cellcommons.splits import FRACTIONS, split_by_source

MOVIES = [("real", "real", ""), *((str(n), str(n), "") for n in range(51, 58))]


def split(parting, movies, **rest):
    return split_by_source(movies, seed=parting.seed, fractions=parting.fractions, **rest).assignment


def test_the_real_movie_is_held_out_and_the_seed_repeats_it():
    found = part(MOVIES, ["real"], locked={}, first=0)
    assert (found.held, found.fractions) == (1, FRACTIONS)
    assert split(found, MOVIES)["real"] == "test"
    assert any(split_by_source(MOVIES, seed=other).assignment["real"] != "test" for other in range(10))


def test_what_an_earlier_release_locked_is_counted_with():
    locked = {"51": "test", "52": "train", "53": "train", "54": "validation"}
    found = part(MOVIES, ["real"], locked=locked, first=5)
    assert found.held == 1
    parted = split(found, MOVIES, locked=locked)
    assert (parted["real"], parted["51"], parted["52"]) == ("test", "test", "train")


def test_a_full_test_split_is_made_larger():
    movies, locked = MOVIES[:6], {"51": "test", "52": "train", "53": "validation"}
    assert all(split_by_source(movies, seed=s, locked=locked).assignment["real"] != "test" for s in range(50))
    found = part(movies, ["real"], locked=locked, first=0)
    assert found.held == 1
    assert found.fractions["test"] > FRACTIONS["test"]
    assert split(found, movies, locked=locked)["real"] == "test"


def test_with_nothing_to_hold_out_seed_and_shares_are_the_usual_ones():
    for movies, wanted in ((MOVIES, []), (MOVIES[1:], ["real"])):
        found = part(movies, wanted, locked={}, first=7)
        assert (found.seed, found.fractions, found.held, found.wanted) == (7, FRACTIONS, 0, 0)


def test_what_cannot_be_is_said():
    found = part(MOVIES, ["real"], locked={"real": "train"}, first=0)
    assert (found.held, found.wanted) == (0, 1)
