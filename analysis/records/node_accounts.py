"""What each node did for a sweep, over all starts, from what their files say."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

STATES = ("working", "set aside", "lost", "left")


@dataclass(frozen=True)
class NodeAccount:
    """One node.

    Args:
        name: its host, or what the cluster calls it.
        address: its IP address.
        id: the first digits of the executor's name for it, of the latest start that saw it.
        state: `working` (to the end of the latest start), `set aside`, `lost`, or `left`.
        why: why it is in that state, where that is known.
        jobs: replicates, teachers and controls that ended there.
        seconds: that its workers had something to do.
        lost_s: work of these that was lost, because they failed or were cut off there.
    """

    name: str
    address: str
    id: str = ""
    state: str = "working"
    why: str = ""
    jobs: int = 0
    seconds: float = 0.0
    lost_s: float = 0.0

    def to_json(self) -> dict[str, object]:
        """Plain values by name."""
        return asdict(self)


def node_accounts(starts: Iterable[object]) -> tuple[NodeAccount, ...]:
    """The nodes of all starts, those of one name and address together, in the order in which they were first seen.

    Args:
        starts: what the files of the starts say, oldest first; what cannot be read in them is passed over.
    """
    found: list[NodeAccount] = []
    for facts in starts:
        nodes = facts.get("nodes") if isinstance(facts, Mapping) else None
        if not isinstance(nodes, list) or not nodes:
            continue
        found = [_departed(account) for account in found]
        here = list(filter(None, map(_account, nodes)))
        ids = {account.id for account in here if account.id}
        # Those that never left first: another one of their name and address is not to be taken for them.
        here.sort(key=lambda account: not any(_is(account, known) and account.id == known.id for known in found))
        met: set[int] = set()
        for account in here:
            free = [at for at, known in enumerate(found) if at not in met and _is(account, known)]
            same = [at for at in free if found[at].id == account.id] or [at for at in free if found[at].id not in ids]
            if same:
                found[same[0]] = _sum(found[same[0]], account)
            else:
                found.append(account)
            met.add(same[0] if same else len(found) - 1)
    return tuple(found)


def _is(account: NodeAccount, known: NodeAccount) -> bool:
    return (account.name, account.address) == (known.name, known.address)


def _account(facts: object) -> NodeAccount | None:
    if not isinstance(facts, Mapping):
        return None
    texts = {name: str(facts.get(name) or "") for name in ("name", "address", "id", "state", "why")}
    try:
        jobs, seconds, lost_s = (float(facts.get(name) or 0) for name in ("jobs", "seconds", "lost_s"))
    except (TypeError, ValueError):
        return None
    return NodeAccount(**texts, jobs=int(jobs), seconds=seconds, lost_s=lost_s) if texts["name"] else None


def _departed(account: NodeAccount) -> NodeAccount:
    """As a later start sees it that has not met it: what was wrong with it then is over."""
    if account.state in ("lost", "left"):
        return account
    return NodeAccount(**{**asdict(account), "state": "left", "why": ""})


def _sum(before: NodeAccount, now: NodeAccount) -> NodeAccount:
    added = {
        "jobs": before.jobs + now.jobs,
        "seconds": round(before.seconds + now.seconds, 1),
        "lost_s": round(before.lost_s + now.lost_s, 1),
    }
    return NodeAccount(**{**asdict(now), **added})
