"""What becomes of requests whose instance ends, or never comes up."""

from instances.protocol import TokenOutput
from pools.errors import GenerationFailed, ModelLoadFailed
from tests.pools.driving import Request, answer, clock, run, settle
from tests.pools.fakes import Factory, budget_for, make_manager, served_model


def test_a_lost_request_goes_on_from_its_tokens_in_a_new_instance() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        request = Request(manager, "a", [1, 2], max_tokens=5)
        await settle()
        generation = factory.made[0].generations[0]
        generation.put(TokenOutput(generation.id, [10, 11]))
        await settle()
        factory.made[0].crash()
        await settle()
        prompt, sampling = factory.living[0].seen[0]
        assert prompt == [1, 2, 10, 11]
        assert sampling.max_tokens == 3
        await answer(factory.living[0], [12])
        assert await request.task == [10, 11, 12]
        assert manager.statistics["a"].resumed == 1

    run(work())


def test_an_instance_that_has_just_ended_is_given_to_nobody() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        await manager.preload("a", 1)
        request = Request(manager, "a")  # its turn comes before that of those whom the crash wakes
        factory.made[0].crash()
        await settle()
        await answer(factory.living[0])
        assert await request.task == [7]
        assert manager.statistics["a"].resumed == 0

    run(work())


def test_a_request_that_kills_every_instance_fails_alone() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        request = Request(manager, "a")
        for _ in range(3):
            await settle()
            for instance in factory.living:
                instance.crash()
        error = await request.error()
        assert isinstance(error, (GenerationFailed, ModelLoadFailed))
        assert error.status == 500

    run(work())


def test_an_answer_that_was_complete_is_not_asked_for_again() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        manager = make_manager([a], budget_for(4, a), factory, clock)
        request = Request(manager, "a", max_tokens=2)
        await settle()
        generation = factory.made[0].generations[0]
        generation.put(TokenOutput(generation.id, [5, 6]))
        factory.made[0].crash()
        assert await request.task == [5, 6]

    run(work())


def test_a_failed_load_is_told_to_all_who_wait_and_tried_again_later() -> None:
    async def work() -> None:
        factory, a = Factory(), served_model("a")
        factory.failure = "the file is damaged"
        manager = make_manager([a], budget_for(4, a), factory, clock)
        errors = [await request.error() for request in [Request(manager, "a"), Request(manager, "a")]]
        assert all(isinstance(error, ModelLoadFailed) and "damaged" in error.message for error in errors)
        factory.failure = None
        assert isinstance(await Request(manager, "a").error(), ModelLoadFailed)
        await settle(20)
        request = Request(manager, "a")
        await settle()
        await answer(factory.living[0])
        assert await request.task == [7]

    run(work())
