"""The five lines that every page of results opens with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Opening:
    """What a page is about, in plain words; figures come from what the page is made from.

    Args:
        question: that the page answers.
        answer: in one sentence.
        figure: the number behind it, and what it is compared with.
        caveat: what the figure does not say.
        command: that makes the page.
    """

    question: str
    answer: str
    figure: str
    caveat: str
    command: str

    def lines(self, title: str) -> list[str]:
        """The head of the page: its title, the five lines, and an empty one."""
        return [
            f"# {title}",
            "",
            f"* **Question:** {self.question}",
            f"* **Answer:** {self.answer}",
            f"* **Figure:** {self.figure}",
            f"* **Caveat:** {self.caveat}",
            f"* **Command:** `{self.command}`",
            "",
        ]


def listed(words: list[str], last: str = "and") -> str:
    """``a, b and c``; ``none`` of nothing."""
    if len(words) < 2:
        return words[0] if words else "none"
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
