"""The state machine of a trial: its page and its picture."""

from html import escape

from sweeps.engine.trials.trial_states import TRANSITIONS

FINALS = list(dict.fromkeys(target for t in TRANSITIONS if t.event == "ended" for target in t.targets))

PAGE = """\
# A trial's life

Every change of a trial's state is one of these transitions, made in
`sweeps/engine/trials/trial_states.py` and tested one by one. Made by `python docs/generate.py`.

![States of a trial, and the events that lead from one to another](../pictures/trial-states.svg)

| event | before | after | caused by | what else changes |
|---|---|---|---|---|
{rows}

* **completed**: every replicate completed; the sampler sees the mean of each objective.
* **pruned**: early stopping ended it; the sampler sees that, and no value.
* **infeasible**: a replicate diverged, ran out of memory or time, or crashed its process; the sampler
  sees the share of such replicates.
* **failed**: a replicate raised an error of its own.
* **waiting**: no worker has it now. A restart, a stop, a lost worker and a fault of a machine lead here; it
  is retried under its number. So does `acgkd retry`, and a record that is gone.
"""


def trial_states_page() -> str:
    """The transitions as a table, below their picture."""
    rows = [f"| {t.event} | {t.source or ''} | {', '.join(t.targets)} | {t.actor} | {t.effect} |" for t in TRANSITIONS]
    return PAGE.format(rows="\n".join(rows))


def trial_states_picture() -> str:
    """The state machine as SVG: the states that end a trial are drawn as one, since the same events touch them all."""
    waiting, running = _box(170, 120, "waiting", 130), _box(520, 120, "running", 130)
    _require_one_group()
    parts = [
        '<rect x="100" y="262" width="495" height="92" rx="10" fill="none" stroke="#5c6bc0" stroke-dasharray="5 4"/>',
        '<circle cx="32" cy="120" r="7" fill="#263238"/>',
        *waiting,
        *running,
        *(line for number, name in enumerate(FINALS) for line in _box(165 + 122 * number, 308, name, 108)),
        _arrow("M40 120 H103", _label(None, "waiting"), 70, 108),
        _arrow("M235 108 H453", _label("waiting", "running"), 345, 100),
        _arrow("M455 134 H237", _label("running", "waiting"), 345, 151),
        _arrow("M135 97 C110 45 230 45 207 95", _label("waiting", "waiting"), 170, 46),
        _arrow("M485 97 C460 45 580 45 557 95", _label("running", "running"), 520, 46),
        _arrow("M128 143 V260", "ended", 104, 206),
        _arrow("M152 262 V145", "retried", 178, 206),
        _arrow("M560 143 V260", "ended", 584, 206),
        _arrow("M210 143 L268 284", "rung_reached", 288, 222),
        _arrow("M490 143 L318 284", "", 0, 0),
        '<text x="468" y="222" text-anchor="middle">rung_reached</text>',
    ]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 372" role="img" font-family="sans-serif" '
        'font-size="13" fill="#263238">\n<title>States of a trial</title>\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#455a64"/></marker></defs>\n'
        '<rect width="640" height="372" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _label(source: str | None, target: str) -> str:
    return ", ".join(dict.fromkeys(t.event for t in TRANSITIONS if t.source == source and target in t.targets))


def _require_one_group() -> None:
    for source in ("waiting", "running"):
        labels = {state: _label(source, state) for state in FINALS}
        rung = {state for state, label in labels.items() if label != "ended"}
        if rung != {"pruned"} or labels["pruned"] != "rung_reached, ended":
            raise ValueError(f"The picture of a trial's states must be drawn anew: {source} leads to {labels}.")
    if any(_label(state, "waiting") != "retried" for state in FINALS) or len(FINALS) != 4:
        raise ValueError("The picture of a trial's states must be drawn anew: what ends a trial has changed.")


def _box(x: int, y: int, name: str, width: int) -> list[str]:
    return [
        f'<rect x="{x - width // 2}" y="{y - 22}" width="{width}" height="44" rx="8" fill="#e8eaf6" stroke="#3949ab"/>',
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" font-weight="600">{escape(name)}</text>',
    ]


def _arrow(path: str, label: str, x: int, y: int) -> str:
    line = f'<path d="{path}" fill="none" stroke="#455a64" stroke-width="1.4" marker-end="url(#tip)"/>'
    return line + (f'<text x="{x}" y="{y}" text-anchor="middle">{escape(label)}</text>' if label else "")
