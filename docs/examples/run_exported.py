"""Runs a student that `acgkd export --to torch` wrote, with torch alone: `python run_exported.py student.pt2 7`.

The second number is how many columns the node features have. Prints the logits of three made-up graphs as JSON.
"""

import json
import sys

import torch


def main(path: str, features: int) -> None:
    """Reads the program, makes one batch of three graphs, and calls it."""
    student = torch.export.load(path).module()
    sizes, nodes, edges = (5, 1, 8), [], []
    for size in sizes:
        first = sum(len(one) for one in nodes)  # where the graph's nodes begin in the batch
        nodes.append(torch.eye(features)[torch.randint(features, (size,))])
        ring = torch.arange(size)
        around = torch.stack([ring, (ring + 1) % size])[:, : size if size > 1 else 0]
        edges += [around + first, around.flip(0) + first]  # both directions
    batch = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    logits = student(torch.cat(nodes), torch.cat(edges, dim=1), batch)
    print(json.dumps(logits.tolist()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
