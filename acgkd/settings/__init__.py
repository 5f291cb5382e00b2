"""What can be set, stage by stage: the configs that machinery reads, without anything that computes.

Nothing here imports torch, so that a spec is read and checked without it. A method's own file joins the two stages.
"""
