import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acgkd import runtime
from acgkd.errors import ConfigError
from acgkd.run.bookkeeping.clocks import Clocks, cpu_seconds
from acgkd.runtime import PeakMemory, Streams, backward, backward_to, derive_seed, resolve_device

CPU = torch.device("cpu")


def draw(generator: torch.Generator, count: int = 4) -> list[float]:
    return torch.rand(count, generator=generator).tolist()


def test_seeds_are_the_same_on_every_machine() -> None:
    # Written down once: a change would change every result of the project.
    assert derive_seed("draws", 0) == 220_682_205_403_878_415


@given(st.lists(st.integers(), max_size=4), st.lists(st.integers(), max_size=4))
def test_different_parts_give_different_seeds(one: list[int], other: list[int]) -> None:
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)
    assert 0 <= derive_seed(*one) < 2**63


def test_streams_are_named_and_follow_from_the_seed() -> None:
    one, same, other = Streams(3, CPU), Streams(3, CPU), Streams(4, CPU)
    assert draw(one.generator("a")) == draw(same.generator("a")) != draw(other.generator("a"))
    assert draw(Streams(3, CPU).generator("a")) != draw(Streams(3, CPU).generator("b"))
    assert draw(Streams(3, CPU).generator("a")) != draw(Streams(3, CPU).host("a"))


def test_a_draw_from_one_stream_leaves_the_others_as_they_were() -> None:
    quiet, busy = Streams(0, CPU), Streams(0, CPU)
    draw(busy.generator("noise"), 100)
    with busy.fork("init"):
        torch.rand(7)
    assert draw(quiet.generator("a")) == draw(busy.generator("a"))


def test_what_is_drawn_aside_nobody_notices_and_it_follows_from_seed_and_name() -> None:
    def life(*, aside: bool, name: str = "look") -> tuple[list[list[float]], list[list[float]]]:
        streams = Streams(3, CPU)
        kept, drawn, extra = streams.generator("a"), [], []
        for _ in range(2):
            drawn.append(draw(kept))
            with streams.fork("dropout"):
                drawn.append(torch.rand(2).tolist())
            if aside:
                with streams.aside(name):
                    extra.append([*draw(kept), *draw(streams.host("new"))])
                    with streams.fork("dropout"):
                        extra[-1] += torch.rand(2).tolist()
        return [*drawn, draw(kept), draw(streams.host("new"))], extra

    busy, extra = life(aside=True)
    assert busy == life(aside=False)[0]
    assert extra[0] == extra[1]
    assert life(aside=True, name="other")[1] != extra
    assert not {number for numbers in busy for number in numbers} & set(extra[0])


def test_what_fails_aside_is_put_back_too() -> None:
    streams = Streams(3, CPU)
    with pytest.raises(RuntimeError), streams.aside("look"):
        torch.rand(2, 3, generator=streams.generator("a")) @ torch.rand(2, 3, generator=streams.generator("a"))
    assert draw(streams.generator("a")) == draw(Streams(3, CPU).generator("a"))


def test_a_fork_resumes_where_it_stopped_and_puts_the_global_state_back() -> None:
    before = torch.get_rng_state()
    streams, twin = Streams(5, CPU), Streams(5, CPU)
    with streams.fork("dropout"):
        first = torch.rand(3)
    with streams.fork("dropout"):
        second = torch.rand(3)
    with twin.fork("dropout"):
        together = torch.rand(6)
    assert torch.equal(torch.cat([first, second]), together)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_fork_that_fails_puts_the_global_state_back() -> None:
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), Streams(5, CPU).fork("x"):
        torch.rand(3) @ torch.rand(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_streams_resume_from_their_state() -> None:
    streams = Streams(1, CPU)
    draw(streams.generator("a"))
    with streams.fork("f"):
        torch.rand(2)
    state = streams.state_dict()
    expected = draw(streams.generator("a")), draw(streams.host("never drawn before"))
    other = Streams(1, CPU)
    other.load_state_dict(state)
    assert (draw(other.generator("a")), draw(other.host("never drawn before"))) == expected
    with streams.fork("f"), torch.no_grad():
        left = torch.rand(2)
    with other.fork("f"):
        assert torch.equal(torch.rand(2), left)


def test_who_holds_a_generator_keeps_it_when_a_state_is_loaded() -> None:
    # Parts ask for their generator once and keep it; a state loaded later must reach them.
    saved = Streams(1, CPU)
    draw(saved.generator("a"))
    state = saved.state_dict()
    resumed = Streams(1, CPU)
    held, unknown = resumed.generator("a"), resumed.generator("drawn too early")
    draw(unknown)
    resumed.load_state_dict(state)
    assert draw(held) == draw(saved.generator("a"))
    assert held is resumed.generator("a")
    # The state does not know this one: it stands where a fresh one does.
    assert draw(unknown) == draw(Streams(1, CPU).generator("drawn too early"))


def test_a_fork_that_a_loaded_state_does_not_know_begins_anew() -> None:
    streams = Streams(1, CPU)
    state = streams.state_dict()
    with streams.fork("dropout"):
        first = torch.rand(3)
    streams.load_state_dict(state)
    with streams.fork("dropout"):
        assert torch.equal(torch.rand(3), first)


def test_clocks_add_up_and_run_through_errors() -> None:
    clocks = Clocks(CPU)
    with clocks.time("a"):
        time.sleep(0.01)
    once = clocks.seconds["a"]
    with pytest.raises(ValueError, match="non-negative"), clocks.time("a"):
        time.sleep(-1)
    assert 0.01 <= once < clocks.seconds["a"]
    assert list(clocks.seconds) == ["a"]


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


def test_clocks_tell_work_from_waiting_and_keep_it_through_a_state() -> None:
    clocks = Clocks(CPU)
    with clocks.time("waits"):
        time.sleep(0.1)
    assert clocks.cpu_seconds is not None
    assert clocks.cpu_seconds < 0.05
    with clocks.time("works"):
        burn(0.05)
    resumed = Clocks(CPU)
    resumed.load_state_dict(clocks.state_dict())
    assert resumed.seconds == clocks.seconds
    assert resumed.cpu_seconds == clocks.cpu_seconds >= 0.05


def test_cpu_seconds_that_an_earlier_version_did_not_measure_stay_unknown() -> None:
    clocks = Clocks(CPU)
    clocks.load_state_dict({"seconds": {"synthesis": 3.0}})
    for name in ("synthesis", "transfer"):
        with clocks.time(name):
            pass
        assert clocks.cpu_seconds is None


def test_children_that_have_ended_are_in() -> None:
    before = cpu_seconds()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.2: pass"], check=True)
    assert cpu_seconds() - before >= 0.19


def test_peak_memory_sees_an_allocation_and_survives_resume() -> None:
    memory = PeakMemory(CPU)
    memory.update()
    if memory.host_bytes is None:
        pytest.skip("this system tells no high-water mark")
    before = memory.host_bytes
    block = bytearray(64_000_000)
    block[::4096] = b"x" * len(block[::4096])
    memory.update()
    assert memory.host_bytes >= before + 50_000_000
    resumed = PeakMemory(CPU)
    resumed.load_state_dict({"host": 2**50, "device": 7})
    resumed.update()
    assert resumed.state_dict() == {"host": 2**50, "device": 7}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_a_new_peak_does_not_report_the_past() -> None:
    block = bytearray(96_000_000)
    block[::4096] = b"x" * len(block[::4096])
    past = PeakMemory(CPU)
    past.update()
    del block
    fresh = PeakMemory(CPU)
    fresh.update()
    assert fresh.host_bytes is not None
    assert past.host_bytes is not None
    assert fresh.host_bytes < past.host_bytes


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_a_new_peak_does_not_report_what_the_c_library_keeps() -> None:
    # Blocks of a size that the C library cuts from its heap, and some that stay between them: it hands nothing back.
    blocks = [bytearray(b"x" * 100_000) for _ in range(960)]
    kept = blocks[::20]
    past = PeakMemory(CPU)
    past.update()
    del blocks
    fresh = PeakMemory(CPU)
    fresh.update()
    assert len(kept) == 48
    assert past.host_bytes is not None
    assert fresh.host_bytes is not None
    assert fresh.host_bytes < past.host_bytes - 60_000_000


def test_memory_is_measured_where_there_is_another_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(runtime.ctypes, "CDLL", missing)
    assert not runtime.keep_freed_memory()
    assert not runtime.keep_freed_memory(False)
    memory = PeakMemory(CPU)
    memory.update()
    assert memory.device_bytes is None


def test_devices() -> None:
    assert resolve_device("cpu") == CPU
    if torch.cuda.is_available():
        assert resolve_device("auto").type == resolve_device("cuda").type == "cuda"
        assert resolve_device("cuda").index is not None
    else:
        assert resolve_device("auto") == CPU
        with pytest.raises(ConfigError, match="device: auto"):
            resolve_device("cuda")


def test_backward_is_backward() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    backward(x**3)
    assert x.grad is not None
    assert x.grad.item() == 12.0


def test_gradients_go_to_the_named_leaves_and_fused_adam_moves_the_right_entries() -> None:
    def moved(fused: bool) -> torch.Tensor:
        weight = torch.arange(6.0, device=CPU).view(2, 3).requires_grad_()
        other = torch.ones((), device=CPU, requires_grad=True)
        optimizer = torch.optim.Adam([weight], lr=0.1, fused=fused)
        for _ in range(2):
            turned = weight.flip(1).t() * torch.tensor([[1.0, -2.0], [0.0, 3.0], [-4.0, 0.0]], device=CPU)
            (strided,) = torch.autograd.grad(other * turned.sum(), weight, retain_graph=True)
            assert strided.stride() != weight.stride()  # what makes the trap
            backward_to([weight], other * turned.sum())
            optimizer.step()
        assert other.grad is None
        return weight.detach()

    assert torch.equal(moved(fused=True), moved(fused=False))


def test_a_device_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be `auto`, `cpu` or `cuda`, but got 'gpu'"):
        resolve_device("gpu")


def test_streams_that_begin_anew_follow_from_the_seed_and_leave_what_is_aside() -> None:
    def aside(streams: Streams) -> list[float]:
        with streams.aside("look"):
            return draw(streams.generator("a"))

    streams, other = Streams(3, CPU), Streams(3, CPU)
    kept = streams.generator("a")
    first, seen = draw(kept), aside(streams)
    streams.begin_anew("teaching", 1)
    again = draw(kept)
    assert again != first
    other.begin_anew("teaching", 1)
    assert again == draw(other.generator("a"))
    assert draw(streams.generator("new")) == draw(other.generator("new")) != draw(Streams(3, CPU).generator("new"))
    assert aside(streams) == seen
    assert streams.seed == 3
    state = streams.state_dict()
    resumed = Streams(3, CPU)
    resumed.begin_anew("teaching", 1)
    resumed.load_state_dict(state)
    assert draw(resumed.generator("a")) == draw(kept)
    assert draw(resumed.generator("later")) == draw(streams.generator("later"))
