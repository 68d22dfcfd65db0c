"""What a scenario gives back."""

from dataclasses import dataclass, field


@dataclass
class Result:
    """`figures` are for people, `problems` are sentences on what did not hold; none means that all did."""

    name: str
    figures: dict[str, object] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, problem: str) -> None:
        """Note `problem` unless it holds."""
        if not holds:
            self.problems.append(problem)

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        return f"{'FAILED' if self.problems else 'held  '} {self.name}: {figures}" + "".join(
            f"\n       {problem}" for problem in self.problems
        )
