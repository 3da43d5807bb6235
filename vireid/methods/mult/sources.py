"""Where each setting of MULT comes from, for ``vireid plan``; the whole flow is in docs/papers.md.

"paper" is arXiv 2402.00672, "code" the released repository, "ours" neither.
"""

SOURCES = {
    # no fields: what is trained, and which of its states is kept
    "network": "code: two stems, non_local='off'",
    "weights": "code: ImageNet; stage 2 from stage 1's last network",
    "select": "code: the tester loads the last network, as here",
    # schedule
    "epochs": "code: 40 + 50 (--stage-one 40, --epochs 90)",
    "iterations": "code: SYSU 300, RegDB 100",
    "stage2_iterations": "code: SYSU 200, so 10,000 steps; RegDB 100",
    "lr": "code --lr 3.5e-4",
    "milestones": "code adjust_learning_rate: epochs 20, 60 and 80 of the run",
    "decay": "code: / 10 each time",
    "weight_decay": "code: 5e-4",
    "optimiser": "code --optim adam; afresh in stage 2, as with its default --pretrained",
    "stage2_lr": "code: stage 2 begins at epoch 40, after the first / 10",
    "lr_floor": "ours: none; MULT's rate falls in steps",
    # pictures and batches
    "recipe": "code: erasing 0.5, exchange, grey adaptation; stage 1: see strong_stage1",
    "strong_stage1": "code: patches, jitter, erasing 0.9; not in the paper",
    "identities": "code --batch-size 12: half from each label space in stage 2",
    "instances": "code --num_pos 12",
    "stage1_draw": "code StageOneSampler",
    "bn_chunks": "code: DataParallel on 2 cards",
    # clusters and labels
    "k1": "paper (kappa = 30) and code --k1 30",
    "k2": "code --k2 6",
    "eps": "code --eps 0.6; RegDB 0.3",
    "min_samples": "code: DBSCAN min_samples=4",
    "association": "paper eq. 1-12; the others: Table 3, and ours",
    "noise": "code: outliers stay in stage 2 and are labelled",
    "alpha": "paper eq. 10 and code --alpha 0.2",
    "beta": "paper eq. 13 and code --beta 0.7",
    "lam": "paper eq. 6 and code lambda_sk=25",
    "stop": "code: until the change is 0.1 in all, 500 steps; the paper's transport is solved",
    "affinity": "paper eq. 5: binary; code: 1 - J of the weighted Jaccard distance",
    "transfer": "paper eq. 11-12: both at once; code: intra labels first",
    "tol": 'code: 1e-2; the paper: "until convergence"',
    "max_rounds": "code: 20; the paper names none",
    "prototypes": "paper: rows of the memory, unit; code: plain means",
    "pgm_rounds": "PGM's code: 2; None goes on until all have a partner",
    "otla_steps": "ours: OTLA's code has no cap",
    "reg": "RPNR's entropy of cluster Sinkhorn",
    # memories and losses
    "temperature": "code --temp 0.05",
    "momentum": "code --momentum 0.1, --momentum-cross 0.1",
    "moves": "ours: after the step; code: during the backward pass",
    "write_order": "code: reverse of its calls, so r, a, v; the paper does not say",
    "visible_weight": "paper eq. 14-17: one visible stream, 0.5; code: 1 for each of two",
    "im": "paper eq. 14-16",
    "cm": "paper eq. 17",
    "oclr": "paper eq. 19",
    "sharpen": "code: ratio 0.2",
    "detach_target": "code: not detached; the paper does not say",
    "centring": "ours, a control",
}
