"""One table of ratios from the figures of a run."""

from types import MappingProxyType

from .peers import PEERS
from .workload import QUESTIONS


def digits(value):
    return f"{value:.3f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def ratio(peer, own):
    """How many times as much a peer takes as Quipu."""
    return f"{peer / own:.2f}×" if peer < 10 * own else f"{peer / own:,.0f}×"


def markdown(result):
    peers = [name for name in PEERS if name in result["loads"]]
    others = [name for name in peers if name != "quipu"]
    head = ["", "Quipu", *(PEERS[name][1] for name in others), "best peer", "cold: Quipu", "cold: best peer", "answers"]
    lines = [head, ["---", *["---:"] * (len(head) - 2), "---"]]
    loads = result["loads"]
    events = result["events"]
    lines.append(_row("bulk load, µs/event", {p: loads[p]["seconds"] * 1e6 / events for p in loads}, others))
    lines.append(_row("on disk, bytes/event", {p: loads[p]["bytes"] / events for p in loads}, others))
    for name, found in result["questions"].items():
        warm = {p: line["med_ms"] for p, line in found.items() if "med_ms" in line}
        cold = {p: line["cold_ms"] for p, line in found.items() if "cold_ms" in line}
        failed = {p: line["failed"] for p, line in found.items() if "failed" in line}
        row = _row(f"{name} {QUESTIONS[name]}, ms", warm, others, failed)
        lines.append(row + _best(cold, others)[0:2] + [_verdict(found)])
    opened = {name: _times_to_open(name, result["questions"]) for name in peers}
    opened = {name: sorted(times)[len(times) // 2] for name, times in opened.items() if times}
    lines.append(["to open, ms", "", *["" for _ in others], "", *_best(opened, others), ""])
    return "\n".join("| " + " | ".join(line + [""] * (len(head) - len(line))) + " |" for line in lines)


def _row(title, values, others, failed=MappingProxyType({})):
    own = values.get("quipu")
    cells = [title, "" if own is None else digits(own)]
    for name in others:
        if name in values:
            cells.append(digits(values[name]) if own is None else ratio(values[name], own))
        else:
            why = failed.get(name, "")
            cells.append(why if why.startswith(">") else why and "failed")  # the footnote says more
    return [*cells, _best(values, others)[1]]


def _best(values, others):
    """Quipu's value, and the least of the peers with its ratio."""
    own = values.get("quipu")
    known = {name: values[name] for name in others if name in values}
    if not known:
        return ["" if own is None else digits(own), ""]
    best = min(known, key=known.get)
    shown = f"{digits(known[best])} {PEERS[best][1]}"
    return ["", shown] if own is None else [digits(own), f"{shown}, {ratio(known[best], own)}"]


def _verdict(found):
    differ = [PEERS[name][1] for name, line in found.items() if line.get("differs")]
    return f"differ: {', '.join(differ)}" if differ else "agree"


def _times_to_open(name, questions):
    return [found[name]["open_ms"] for found in questions.values() if "open_ms" in found.get(name, {})]


def footnote(result):
    """How to read the table, and what it was measured on."""
    described = result["machine"]
    machine = (
        f"{described['cores']} cores of {described['processor']}, {described['memory_gib']} GiB, {described['system']},"
        f" {described['disk']}; one core reads {described['read_gb_s_of_one_core']} GB/s,"
        f" a sync of 4 KiB takes {described['sync_ms']} ms"
    )
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    failed = "".join(
        f"\n{PEERS[peer][1]} failed at {name}: {line['failed']}."
        for name, found in result["questions"].items()
        for peer, line in found.items()
        if "failed" in line
    )
    others = [line["others"] for found in result["questions"].values() for line in found.values() if line.get("others")]
    absent = "".join(f"\nWithout {PEERS[name][1]}: {reason}." for name, reason in result["absent"].items())
    return (
        "Quipu's columns hold its own figures, a peer's how many times as much it takes. Warm: medians; cold: the first"
        " answer after opening, with nothing of the database in the page cache.\n\n"
        f"{machine}. {versions}.\n"
        f"Others used {100 * sum(others) / max(len(others), 1):.0f} % of the machine meanwhile.{absent}{failed}"
    )
