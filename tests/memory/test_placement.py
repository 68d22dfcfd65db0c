from hypothesis import given
from hypothesis import strategies as st

from memory.placement import Candidate, choose_victims

candidates = st.lists(
    st.builds(Candidate, item=st.integers(), size=st.integers(1, 100), last_used=st.floats(0, 1000)), max_size=8
)


@given(candidates, st.integers(0, 400))
def test_the_victims_free_enough_and_none_of_them_in_vain(given_: list[Candidate[int]], needed: int) -> None:
    victims = choose_victims(given_, needed)
    if victims is None:
        assert sum(each.size for each in given_) < needed
        return
    freed = sum(each.size for each in victims)
    assert freed >= needed
    assert all(freed - each.size < needed for each in victims)


@given(candidates, st.integers(1, 400))
def test_nobody_goes_who_was_used_after_all_that_could_have_gone_alone(
    given_: list[Candidate[int]], needed: int
) -> None:
    victims = choose_victims(given_, needed)
    oldest_sufficient = min((each.last_used for each in given_ if each.size >= needed), default=None)
    if victims and oldest_sufficient is not None:
        assert all(each.last_used <= oldest_sufficient for each in victims)


def test_the_least_recently_used_goes_first() -> None:
    old, new = Candidate("old", 10, 1.0), Candidate("new", 10, 2.0)
    assert choose_victims([new, old], 5) == [old]


def test_a_small_old_one_stays_where_a_larger_one_must_go_anyway() -> None:
    small, large = Candidate("small", 1, 1.0), Candidate("large", 10, 2.0)
    assert choose_victims([small, large], 8) == [large]
