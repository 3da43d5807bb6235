"""Where each setting of MCF comes from; TM is TokenMatcher's released code, 'paper' MCF's text."""

TM, TS, PAPER, OURS = "TokenMatcher code", "TokenMatcher supplement", "MCF paper", "ours"
INFERRED = "ours: the paper's equation is lost"
WEIGHTS = f"{PAPER} 4.2 (0.4, 0.5, 0.03; 4.5 differs); {TM} --lamba-cross, -neighbor, -mate"

SOURCES = {
    # schedule
    "epochs": f"{PAPER} 50 + 50; {TM} 35 + 35 on RegDB",
    "iterations": f"{TM} --iters (200, RegDB 100); lost in the paper",
    "stage2_iterations": f"{TM}: as in stage 1",
    "lr": f"{TM} --lr0 (RegDB 3.5e-5); lost in the paper",
    "stage2_lr": f"{TM} --lr1; lost in the paper",
    "lr_floor": f"{TM}: cosine to 1e-6, then 1e-7; the paper has steps",
    "milestones": f"{PAPER}: every 20 epochs; unused with a cosine",
    "decay": f"{PAPER}: 0.1; unused with a cosine",
    "weight_decay": f"{TM} --weight-decay0, -decay1; lost in the paper",
    "optimiser": f"{PAPER}, {TM}: SGD, momentum 0.9",
    # pictures
    "recipe": f"{PAPER} names it, values {TM}: no hue in the paper, TM jitters less in stage 1",
    "stage2_recipe": f"{TM}: stage 2 jitters all pictures",
    "identities": f"{PAPER}: 4 clusters of 16; {TM} -b 128, half of it visible",
    "infrared_identities": f"{TM} -b 128: 8 clusters of 16; the paper 4",
    "instances": f"{PAPER}, {TM} --num-instances: 16",
    "camera_aware_sampling": f"{TM}: stage 1; in stage 2 the sampler is given picture numbers",
    "bn_chunks": f"four cards in {PAPER}'s text and {TM}'s scripts",
    # clusters
    "k1": f"{PAPER}, {TM}: 30",
    "k2": f"{PAPER}, {TM}: 6",
    "eps": f"{PAPER} 0.6 on both; {TM} 0.6, RegDB 0.2",
    "min_samples": f"{PAPER}, {TM}: 4",
    "clustering": f"{TM}: each modality alone; {PAPER} does not say how a joint one would enter",
    "joint_k1": f"{PAPER}, inter-modality k: 40, RegDB 38 (k1 in PCAL's code)",
    "joint_k2": f"{PAPER}, inter-modality k: 32, RegDB 18 (k2 in PCAL's code)",
    "centring": f"{OURS}: a control",
    # memories
    "temperature": f"{TM} --temp 0.05",
    "momentum": f"{TS}, {TM} --momentum0: 0.2; 0.8 in TM's RegDB script",
    "shared_momentum": f"{TS}, {TM} --momentum1: 0.8",
    "stage2_momentum": f"{TM}: 0.2 in the RegDB script",
    "moves": f"{OURS}: after the step; {TM} during the backward pass",
    "write_order": f"{TM} trainers.py: plain and augmented pictures in one call",
    "own_last": f"{TM} trainers.py: the own call is the first of the forward pass",
    "ca_memory": f"{TM}: with the visible memory; {PAPER} names a third memory",
    # network
    "pa_cbam": f"{PAPER} (PA-CBAM); not in {TM}",
    "identity_weight": f"{PAPER}: lambda 0.1",
    "identity_mode": INFERRED,
    "diversity": f"{TM}: weight 1; absent from the paper",
    # MAAL
    "maal": f"{PAPER} (MAAL); not in {TM}",
    "alpha": f"{PAPER}: 1",
    "beta": f"{PAPER}: 0.1, as in PCAL's code",
    "maal_warmup": f"{PAPER}: from the first epoch; PCAL's code waits 25",
    "classifier": "PCAL code: eight layers",
    "classifier_lr": "PCAL code: SGD, Nesterov, 0.01, a tenth every 20 epochs",
    # VRA
    "vra": f"{PAPER} (VRA); {TM}'s token matching",
    "vra_weight": WEIGHTS,
    "max_matches": f"{PAPER}: mu 3; {TM} --lamba-k 2",
    # VRNL
    "vrnl": f"{PAPER} (VRNL); {TM}'s neighbour learning",
    "vrnl_weight": WEIGHTS + ", RegDB 0.1",
    "rho": f"{TS}, {TM} --k 0.9; lost in the paper",
    "min_regions": f"{TM} --x: all regions",
    "combine": f"{PAPER}: four terms; {TM}: three, the crossing one in turn",
    "reduction": f"{PAPER}: by the batch size; {TM}: mean over pairs",
    "camera_filter": f"{PAPER}, {TM}; TM's local clusters are those of networks trained per camera",
    "local_eps": f"{TM} train_sysu_RGBcam.py, _IRcam.py: by SYSU's cameras; 0.5 elsewhere is ours",
    # UM
    "um": f"{PAPER} (UM); {TM}'s homogeneous fusion",
    "um_weight": WEIGHTS + ", RegDB 0.01",
    "um_weight_late": f"{TM} train_sysu.py: 0.12 from epoch 36",
    "delta": f"{PAPER}: 0.6, 0.4; {TM}: 1 for the one side that merges",
    "um_group": f"{OURS}: groups of any size, {TM}'s rule for pairs",
    "um_sides": f"{PAPER}: both; {TM}: the modality with more clusters",
}
