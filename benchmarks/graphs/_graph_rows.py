"""What sets the rows of the comparison of graph methods apart, beyond the methods themselves."""

ROWS = (
    "* **Reconstructions.** Of ACGKD the full text could not be obtained, of DFAD-GNN the code. Nor is there "
    "public code of `deepinv_graphs`, which graph papers call DeepInvG: its defaults (statistics by the Gaussian "
    "KL, features drawn afresh at every step of transfer) are ours, chosen on validation splits before records "
    "were kept.",
    "* **Structure.** `acgkd`, `random_graphs` and `deepinv_graphs` draw their graphs from the same prior, "
    "and with it make the same assumption about the data: communities where features are degrees (IMDB-BINARY, "
    "COLLAB), hubs where they are constant (REDDIT-BINARY). `gfkd`, `dfad_gnn` and the rows with `pairs` or `mlp` "
    "assume neither. So the rows with `pairs` are the ones to read beside `gfkd` and `dfad_gnn`; `deepinv_graphs` "
    "was not run without its assumption.",
    "* **GFKD at its released steps** was run on MUTAG alone, for pairs of one kind, and begins at density ½ as its "
    "code does. Nothing was released for a GIN teacher: there most of its students say one class only. 1,500 steps "
    "from the prior's density were not run, nor 500 of DFAD-GNN.",
    "* **Features of `gfkd`.** Where they are degrees they follow from its edges, so that structure alone is "
    "learned there; the released code learns all features freely.",
    "* **`dfad_gnn`** takes sizes and density from the prior, and degrees from its edges; the port that it follows "
    "has 40 nodes a graph, one threshold for all, and free features. `dfad_gnn (balance and statistics)` has two "
    "terms that the method has not.",
    "* **`deepinv_graphs` on REDDIT-BINARY** has nothing to learn, because features are constant: it takes no "
    "step, and its row is untrained graphs with hubs, of fixed structure, taught to a plain student.",
    "* **Equal seconds** are of synthesis. Steps were calibrated once for each data set, with the GIN teacher, and "
    "hold for GCN teachers too, with which a step takes another time. Two rows are exempt: `gfkd (as released)`, "
    "and `gfkd (equal steps)` on REDDIT-BINARY, which has as many steps as ACGKD, because only 14 of GFKD's take as "
    "long.",
    "* **Transfer** is each method's own: 1,500 steps of 32 graphs for GFKD, 400 of 60 for the others, a plain "
    "student for both GFKD and DeepInversion. `gfkd (transfer of acgkd)`, `random_graphs` and `real_data` are "
    "taught as `acgkd` is. DFAD-GNN has one joint stage, which takes as long as ACGKD's synthesis and transfer "
    "together.",
    "* **Seconds and peak memory are rough**: they were measured with another run beside, and accuracy does not "
    "depend on them. Seconds are those of the run that made the samples: pairs with one teacher, and rows with one "
    "synthesis, share them. Peak memory is that of the whole process, in which what an earlier and larger run had "
    "freed still counted when these records were made.",
)
